//! The process's title: what `ps`, `top` and a supervisor's list show it as, such as `rsgi: worker [ping]`.
//!
//! Written over the arguments where the kernel tells their place; in an empty chroot, where it doesn't, the short name of the thread is
//! set instead (15 bytes). The short name is left alone otherwise: `pgrep ping` goes on finding the program.

use std::ffi::CString;
use std::ops::Range;

use crate::sys::TitleArea;

/// The title, once its place was taken.
#[derive(Debug)]
pub(crate) struct Title {
    area: Option<TitleArea>,
}

impl Title {
    /// Takes the place. Arguments must have been read before, and no second thread started.
    pub(crate) fn take() -> Self {
        Self { area: TitleArea::take().ok() }
    }

    /// Sets the title: `rsgi: ROLE [NAME]`. Of no weight, so it doesn't fail: a process with threads keeps the title it has.
    pub(crate) fn set(&mut self, role: &str, name: &str) {
        let title = text(role, name);
        if self.area.as_mut().is_some_and(|area| area.write(title.as_bytes()).is_ok()) {
            return;
        }
        if let Ok(short) = CString::new(&title.as_bytes()[..title.len().min(SHORT_NAME_BYTES)]) {
            let _ = rustix::thread::set_name(&short);
        }
    }
}

/// Where the arguments and the environment stand, from the text of `/proc/self/stat` (`proc_pid_stat(5)`, fields 48 to 51). Without the
/// environment where that doesn't follow at once.
pub(crate) fn area(stat: &str) -> Option<Range<usize>> {
    // The second field is the name in brackets and may hold anything.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut addresses = fields.split_ascii_whitespace().skip(48 - 3).map(|field| field.parse::<usize>().ok());
    let mut address = || addresses.next().flatten().filter(|address| *address != 0);
    let arguments = address()?..address()?;
    let environment = address()?..address()?;
    let follows = environment.start == arguments.end && environment.end > environment.start;
    let area = arguments.start..if follows { environment.end } else { arguments.end };
    (area.end > area.start).then_some(area)
}

fn text(role: &str, name: &str) -> String {
    format!("rsgi: {role} [{name}]").replace('\0', " ")
}

/// The kernel's `TASK_COMM_LEN` without the closing zero.
const SHORT_NAME_BYTES: usize = 15;

#[cfg(test)]
mod tests {
    use super::*;

    fn stat(name: &str, addresses: &str) -> String {
        let zeros = "0 ".repeat(44);
        format!("17 ({name}) R {zeros}{addresses} 0")
    }

    #[test]
    fn the_area_is_that_of_arguments_and_environment() {
        assert_eq!(area(&stat("ping", "100 120 120 500")), Some(100..500));
        assert_eq!(area(&stat("a) R 1 (b", "100 120 120 500")), Some(100..500));
    }

    #[test]
    fn an_environment_elsewhere_is_left_alone() {
        assert_eq!(area(&stat("ping", "100 120 128 500")), Some(100..120));
        assert_eq!(area(&stat("ping", "100 120 120 120")), Some(100..120));
    }

    #[test]
    fn addresses_that_the_kernel_hides_are_none() {
        assert_eq!(area(&stat("ping", "0 0 0 0")), None);
        assert_eq!(area("17 (ping) R 0 0"), None);
        assert_eq!(area(""), None);
    }

    #[test]
    fn the_kernel_tells_the_place_in_this_process() {
        let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
        assert!(area(&stat).is_some_and(|area| area.len() > 1), "{stat}");
    }

    #[test]
    fn a_title_says_role_and_name() {
        assert_eq!(text("worker", "ping"), "rsgi: worker [ping]");
    }
}

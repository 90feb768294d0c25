//! Pid files that are ours, others', left behind, and replaced. With real files and locks.

use super::*;

/// A path in a folder of this test's own.
fn place(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("rsgi-serve-pid-{name}-{}", std::process::id()));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder.join("app.pid")
}

fn clean(path: &Path) {
    let folder = path.parent().unwrap();
    let left: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(left.iter().all(|name| !name.to_string_lossy().starts_with('.')), "{left:?}");
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn the_file_has_the_masters_number_and_goes_with_it() {
    let path = place("own");
    let file = PidFile::write(&path).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), format!("{}\n", std::process::id()));
    assert_eq!(path.metadata().unwrap().mode() & 0o777, 0o644 & !umask());
    assert!(file.remove().unwrap());
    assert!(!path.exists());
    clean(&path);
}

fn umask() -> u32 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("Umask:")).unwrap();
    u32::from_str_radix(line.trim(), 8).unwrap()
}

#[test]
fn a_live_masters_file_is_refused_and_left() {
    let path = place("alive");
    let first = PidFile::write(&path).unwrap();
    let text = PidFile::write(&path).unwrap_err().to_string();
    assert!(text.contains(&format!("already running with pid {}", std::process::id())), "{text}");
    assert!(first.remove().unwrap());
    clean(&path);
}

#[test]
fn a_file_left_behind_is_replaced_even_if_its_number_is_a_live_strangers() {
    let path = place("reused");
    fs::write(&path, format!("{}\n", std::process::id())).unwrap();
    let file = PidFile::write(&path).unwrap();
    assert!(same(&file.file, &path).unwrap());
    drop(file);
    // Dropped without being removed, as by a master that was killed.
    assert!(path.exists());
    assert!(PidFile::write(&path).unwrap().remove().unwrap());
    clean(&path);
}

#[test]
fn a_file_that_is_anothers_by_now_is_left() {
    let path = place("anothers");
    let file = PidFile::write(&path).unwrap();
    fs::remove_file(&path).unwrap();
    fs::write(&path, "1\n").unwrap();
    assert!(!file.remove().unwrap());
    assert_eq!(fs::read_to_string(&path).unwrap(), "1\n");
    clean(&path);
}

#[test]
fn a_successors_file_takes_the_name_of_the_former_masters() {
    let path = place("renamed");
    let former = PidFile::write(&path).unwrap();
    let second = path.with_extension("pid.2");
    let mut successor = PidFile::write(&second).unwrap();
    successor.rename(&path).unwrap();
    assert!(!second.exists());
    assert!(!former.remove().unwrap(), "the former one removed its successor's");
    assert!(successor.remove().unwrap());
    clean(&path);
}

#[test]
fn a_new_image_keeps_the_lock_by_the_descriptor() {
    let path = place("adopted");
    let before = PidFile::write(&path).unwrap();
    let after = PidFile::adopt(path.clone(), before.as_fd().try_clone_to_owned().unwrap());
    drop(before);
    assert!(PidFile::write(&path).is_err());
    assert!(after.remove().unwrap());
    clean(&path);
}

#[test]
fn what_is_no_file_and_a_folder_that_is_missing_are_named() {
    let path = place("folder");
    fs::create_dir(&path).unwrap();
    let text = PidFile::write(&path).unwrap_err().to_string();
    assert!(text.contains("no file"), "{text}");
    let text = PidFile::write(Path::new("/nowhere/at/all.pid")).unwrap_err().to_string();
    assert!(text.starts_with("pidfile /nowhere/at/all.pid:"), "{text}");
    clean(&path);
}

//! Tests of the environment: names, emptiness, what is left alone.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;

use super::environment::read;
use super::fault::Fault;

fn told(pairs: &[(&str, &str)]) -> (Vec<(String, String, String)>, Vec<String>) {
    let environment: Vec<(OsString, OsString)> =
        pairs.iter().map(|(name, value)| (name.into(), value.into())).collect();
    let mut faults = Vec::new();
    let given = read(&environment, &mut faults);
    let given =
        given.into_iter().map(|it| (it.setting.name.into(), it.texts.concat(), it.origin.to_string()));
    (given.collect(), faults.iter().map(Fault::to_string).collect())
}

#[test]
fn every_setting_has_a_variable_and_our_own_is_the_stronger_one() {
    let (given, faults) = told(&[("RSGI_WORKERS", "3"), ("WEB_CONCURRENCY", "2"), ("PATH", "/bin")]);
    assert_eq!(faults, [""; 0]);
    assert_eq!(given[0], ("workers".into(), "2".into(), "the variable WEB_CONCURRENCY".into()));
    assert_eq!(given[1], ("workers".into(), "3".into(), "the variable RSGI_WORKERS".into()));
}

#[test]
fn a_port_alone_means_every_address() {
    let (given, _) = told(&[("PORT", "5000")]);
    assert_eq!(given, [("bind".into(), "0.0.0.0:5000".into(), "the variable PORT".into())]);
}

#[test]
fn the_variables_that_others_know_are_read() {
    let (given, _) = told(&[("NO_COLOR", "1"), ("SENDFILE", "no"), ("FORWARDED_ALLOW_IPS", "*")]);
    let names: Vec<_> = given.iter().map(|(name, text, _)| (name.as_str(), text.as_str())).collect();
    assert_eq!(names, [("sendfile", "no"), ("forwarded_allow_ips", "*"), ("log_color", "never")]);
}

#[test]
fn an_empty_variable_counts_as_none() {
    assert_eq!(told(&[("RSGI_WORKERS", ""), ("PORT", ""), ("NO_COLOR", "")]), (vec![], vec![]));
}

#[test]
fn an_unknown_variable_of_ours_is_told_with_the_nearest_name() {
    let (given, faults) = told(&[("RSGI_WOKERS", "3"), ("RSGI_WORKER_TMP_DIR", "/x"), ("RSGIX", "1")]);
    assert!(given.is_empty());
    let expected = "the variable RSGI_WOKERS: there is no such setting; did you mean RSGI_WORKERS?";
    assert_eq!(faults[0], expected);
    assert!(faults[1].contains("Gunicorn has this setting") && faults.len() == 2, "{faults:?}");
}

#[test]
fn what_is_the_launchers_own_or_the_apps_is_left_alone() {
    assert_eq!(told(&[("RSGI_UPGRADE", "probe"), ("RSGI_APP_SECRET", "x")]), (vec![], vec![]));
}

#[test]
fn bytes_that_are_no_text_are_refused() {
    let environment = [("RSGI_PIDFILE".into(), OsString::from_vec(b"/\xff".to_vec()))];
    let mut faults = Vec::new();
    assert!(read(&environment, &mut faults).is_empty());
    assert!(faults[0].to_string().contains("no text in UTF-8"));
}

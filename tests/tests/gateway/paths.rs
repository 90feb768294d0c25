//! What the app sees of odd paths, through each front: the expectations are a table.

use crate::fronts::{Front, Web};
use crate::standing::Standing;
use crate::told::seen;

each_front!(odd_paths_are_seen_as_the_table_says);

fn odd_paths_are_seen_as_the_table_says(front: &Front) {
    let standing = Standing::of(front);
    let mut wrong = Vec::new();
    for (target, usual) in AS_SENT {
        let except = EXCEPT.iter().find(|(on, sent, _)| on(front) && sent == target);
        let expected = except.map_or(*usual, |(_, _, path)| *path);
        let seen = seen(&standing, target, &[]);
        if seen.path_info != expected || !seen.script_name.is_empty() {
            wrong.push(format!(
                "{target}: path_info {:?}, not {expected:?}; target {:?}, script_name {:?}",
                seen.path_info, seen.target, seen.script_name
            ));
        }
    }
    assert!(wrong.is_empty(), "{}:\n{}", front.name, wrong.join("\n"));
}

/// A target, and the path that an app sees of it where nobody changes it.
const AS_SENT: &[(&str, &str)] = &[
    ("/a%2Fb", "/a%2Fb"),
    ("//double//slash", "//double//slash"),
    ("/%C3%A9?x=%20", "/%C3%A9"),
    ("/a%20b", "/a%20b"),
    ("/a/./b/../c", "/a/./b/../c"),
    ("/a+b;c=d,e", "/a+b;c=d,e"),
    ("/100%25", "/100%25"),
];

type Exception = (fn(&Front) -> bool, &'static str, &'static str);

/// What some make of it.
const EXCEPT: &[Exception] = &[
    // mod_proxy takes all slashes off that `ProxyPass /` begins with; a path of files has one slash for several.
    (started_by_apache, "//double//slash", "/double/slash"),
    (on_apache, "//double//slash", "/double//slash"),
    (on_lighttpd, "//double//slash", "/double/slash"),
    // The path that the web server decided by is the one that counts: the target alone is as it was sent.
    (tidies_dots, "/a/./b/../c", "/a/c"),
];

fn on_apache(front: &Front) -> bool {
    front.web == Web::Apache
}

fn started_by_apache(front: &Front) -> bool {
    front.speaks.is_started_by_it()
}

fn on_lighttpd(front: &Front) -> bool {
    front.web == Web::Lighttpd
}

fn tidies_dots(front: &Front) -> bool {
    front.web != Web::Haproxy && front.speaks.is_of_gateways()
}

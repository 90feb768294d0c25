//! The conformance test of rsgi-middleware: the probe inside each middleware must answer as it does alone.
//!
//! A row is a middleware in a setting in which it changes nothing; what it changes all the same is marked, with the
//! reason (`Within::differs`). In memory, as what the adapters do is tested by their own: rule 108 among the rest.

mod unseen;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use rsgi_core::Mount;
use rsgi_core::trust::Trust;
use rsgi_middleware::{
    AccessFormat, AccessLog, BasicAuth, BodyLimit, Cascade, Coding, Compression, Csrf, DevelopmentErrors,
    Files, MethodOverride, RequestId, SessionKey, Sessions, Timeout, TrustedProxies,
};
use rsgi_test::suite::{Difference, Subject, Within, run_tests_on};

use unseen::{Decoded, given};

/// The middleware, in the order of their names.
fn rows() -> Vec<Within> {
    vec![
        Within::new("AccessLog", || AccessLog::to(std::io::sink()).format(AccessFormat::json())),
        Within::new("BasicAuth", || given(ADA, BasicAuth::users("probe", [("ada", "secret")])))
            .differs(LET_IN),
        Within::new("BodyLimit", || BodyLimit::bytes(1 << 30)),
        Within::new("Cascade", || Cascade::new().then(nowhere())),
        Within::new("Compression", Compression::new),
        Within::new("Compression, coded and decoded", || (Decoded, given(GZIP, coding_all()))).differs(CODED),
        Within::new("Csrf", || given(TOKEN, Csrf::new())),
        Within::new("DevelopmentErrors", DevelopmentErrors::new).differs(SHOWN),
        Within::new("Files", files),
        Within::new("MethodOverride", MethodOverride::new),
        Within::new("RequestId", RequestId::new).differs(NAMED),
        Within::new("Sessions", || Sessions::new(SessionKey::generate())),
        Within::new("Timeout", || Timeout::after(LONG).between_pieces(LONG)),
        Within::new("TrustedProxies", || TrustedProxies::new(Trust::nobody())),
    ]
}

/// Longer than any case takes.
const LONG: Duration = Duration::from_hours(1);

const NAMED: &[Difference] = &[
    Difference {
        case: "every_way_tells_the_same_environ_but_for_the_version",
        instead: "the request has one more field, its name",
        reason: "what is inside, a gateway to another service say, finds the name there",
    },
    Difference {
        case: "under_a_prefix_an_app_sees_the_same_but_for_the_split",
        instead: "two requests differ in their names",
        reason: "a name belongs to one request",
    },
];

/// The cases in which an app fails before its head.
const SHOWN: &[Difference] = &[
    shown("a_500_has_nothing_of_the_answer_that_failed"),
    shown("a_500_to_head_has_no_content"),
    shown("a_body_is_dropped_exactly_once_whatever_becomes_of_it"),
    shown("a_failed_app_is_told_as_such"),
    shown("a_panic_of_async_code_is_a_500_and_the_server_lives"),
    shown("a_panic_of_blocking_code_is_a_500_and_the_server_lives"),
    shown("a_panic_of_offloaded_work_is_the_apps"),
    shown("a_panic_of_the_call_itself_is_a_500"),
    shown("an_error_before_the_head_is_a_500_and_the_connection_lives"),
    shown("blocking_code_runs_where_it_may_block"),
    shown("the_outcome_of_a_panic_is_told"),
    shown("what_a_failed_app_held_is_dropped"),
];

const fn shown(case: &'static str) -> Difference {
    Difference {
        case,
        instead: "the answer and the log's line show what failed, and the lint behind the middleware sees no error",
        reason: "that is what it is for",
    }
}

const LET_IN: &[Difference] = &[Difference {
    case: "large_legal_fields_pass",
    instead: "a second Authorization is refused",
    reason: "of two, whoever reads the other one would see another user",
}];

const CODED: &[Difference] = &[
    Difference {
        case: "a_declared_length_frames_a_stream",
        instead: "the stream has no length",
        reason: LENGTH,
    },
    Difference {
        case: "a_file_sends_exactly_its_range",
        instead: "the file has no length, and is whole",
        reason: LENGTH,
    },
    Difference {
        case: "head_has_the_fields_of_get_and_no_body",
        instead: "neither has a length",
        reason: LENGTH,
    },
    Difference {
        case: "head_keeps_the_apps_length_and_invents_none",
        instead: "the length is taken out",
        reason: LENGTH,
    },
    Difference {
        case: "missing_bytes_break_the_answer_visibly",
        instead: "it breaks, and has no length",
        reason: LENGTH,
    },
    Difference {
        case: "a_file_cut_since_it_was_opened_breaks_visibly",
        instead: "it breaks, and has no length",
        reason: LENGTH,
    },
    Difference { case: "surplus_bytes_of_an_iterator_are_cut_and_told", instead: CUT, reason: TOLD },
    Difference { case: "surplus_bytes_of_a_push_body_are_cut_and_told", instead: CUT, reason: TOLD },
    Difference { case: "surplus_bytes_of_an_async_body_are_cut_and_told", instead: CUT, reason: TOLD },
];

/// Why a coded stream has no length.
const LENGTH: &str = "how long a stream is once it is coded nobody knows before its end; what was declared of the plain \
                      bytes is kept to all the same";

const CUT: &str = "the surplus is cut, and told in the log alone";
const TOLD: &str = "an outcome's fault is the server's to tell, which sees coded bytes";

/// By what `BasicAuth` lets it in.
const ADA: unseen::Wanted = &[("authorization", "Basic YWRhOnNlY3JldA==")];

const GZIP: unseen::Wanted = &[("accept-encoding", "gzip")];

/// A secret of `Csrf` as it is in the cookie, and as a script sends it back.
const TOKEN: unseen::Wanted = &[
    ("cookie", "csrf=AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"),
    ("x-csrf-token", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"),
];

/// Codes whatever there is.
fn coding_all() -> Compression {
    Compression::new().codings([Coding::Gzip]).threshold(0).kinds(|_| true)
}

/// The files of a folder without any, so that all is left to the probe.
fn files() -> Files {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("no-files");
    std::fs::create_dir_all(&folder).expect("the folder for tests can be written to");
    Files::new(folder).expect("the folder is there")
}

/// An app that knows nothing.
fn nowhere() -> Mount {
    Mount::new()
}

fn main() -> ExitCode {
    run_tests_on(rows().into_iter().map(Subject::Middleware))
}

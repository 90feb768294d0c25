//! The table of findings: what the lint can find, which clause that breaks, and what to do about it.
//!
//! The one list: the lint's code names a [`Check`] by its constant, `docs/lint.md` and `SPEC.md` are compared with
//! [`ALL`], and each has a test that breaks exactly it. Order: as a request meets them.

/// Something that the lint looks for.
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Check {
    /// Its name, which is that of its constant.
    pub name: &'static str,
    /// The clause of `SPEC.md` that is broken.
    pub clause: &'static str,
    /// The conformance rule it falls under, if there is one.
    pub rule: Option<u16>,
    /// What is wrong, before the value at fault.
    pub what: &'static str,
    /// What to do.
    pub remedy: &'static str,
}

macro_rules! checks {
    ($($name:ident: $clause:literal, $rule:expr, $what:literal, $remedy:literal;)+) => {
        $(
            #[doc = concat!("Clause ", $clause, ": ", $what, ". Remedy: ", $remedy, ".")]
            pub const $name: Check =
                Check { name: stringify!($name), clause: $clause, rule: $rule, what: $what, remedy: $remedy };
        )+

        /// Every check, in the order above.
        pub const ALL: &[Check] = &[$($name),+];
    };
}

checks! {
    // The server calls.
    STALE_EXCHANGE: "S2", Some(1), "the app is called for an exchange that was answered already",
        "call once for each request, with an exchange from `Exchange::begin` or `Exchange::new`";
    POLLED_AGAIN: "S2", Some(1), "the call's future is polled after it was ready",
        "drop the future once it has answered";
    CONCURRENT: "S3", Some(134), "the app runs on two threads at once though `multithread` is false",
        "set `Server::multithread`, or call from one thread";
    REQUIRES_IGNORED: "S66", Some(147), "the app is called by a server that lacks what it requires",
        "compare `App::requires` with the capabilities before the first request";

    // The environ.
    SCRIPT_NAME: "S34", Some(12), "script_name is neither empty nor begins with a slash, or is a lone slash",
        "give an empty one for the root, and no slash alone";
    PATH_INFO: "S34", Some(13), "path_info neither is empty nor begins with a slash",
        "begin it with a slash; `*` stands for `OPTIONS *` alone";
    PATH_MISSING: "S34", Some(13), "script_name and path_info are both empty",
        "give a path_info of `/` for the root; only CONNECT has no path";
    PATH_SPLIT: "S34", Some(13), "script_name and path_info together are not the target's path",
        "split the path and change nothing of it";
    ASTERISK: "S33", Some(9), "an asterisk for a method other than OPTIONS",
        "refuse the request with 400";
    AUTHORITY: "S33", Some(10), "authority form without CONNECT, or CONNECT without it",
        "refuse the request with 400, or give the target as it came";
    FRAGMENT: "S32", Some(8), "the target holds a fragment",
        "refuse the request with 400";
    SERVER_NAME: "S37", Some(20), "the server's name is empty or no host",
        "give the name that the request was sent to, an IPv6 address in brackets";
    SERVER_PORT: "S37", Some(20), "the server's port is 0",
        "give the port that the listener got, or the one in Host";
    HOST: "S38", Some(22), "Host is missing on HTTP/1.1, repeated, or no host",
        "refuse the request with 400 before the app is called";
    PEER: "S39", Some(24), "the peer's address is made up",
        "give the address that the system told, or a unix endpoint";
    LOCAL: "S39", Some(25), "the local address is made up",
        "give the address that the system told, with its real port";
    TLS_FACTS: "S40", Some(26), "the facts of TLS and the scheme disagree",
        "set `Connection::tls` and the scheme together";
    CLOCK: "S49", Some(122), "the request arrived before its connection was accepted",
        "take both times from one clock, in this order";
    CAPABILITY_UNTOLD: "S42", Some(27), "the request came by what the server doesn't advertise",
        "add it to `Server::capabilities`";
    CAPABILITY_ABSENT: "S68", Some(148), "the server advertises a capability that isn't there",
        "provide it, or take it out of `Server::capabilities`";

    // The input.
    INPUT_LENGTH: "C28", Some(46), "Content-Length and the input's length disagree",
        "give the input the length of its framing, and drop the field where the input was decoded";
    INPUT_SHORT: "S52", Some(50), "the input ended before its known length, as if whole",
        "end it with `InputErrorKind::Truncated`";
    INPUT_LONG: "S50", Some(45), "the input gave more than its known length",
        "end it at its length: what follows belongs to the next request";
    INPUT_RESUMED: "S50", Some(45), "the input gave more after its end",
        "give the end again, for ever";
    INPUT_LATE: "A18", None, "the input is read after the answer was delivered",
        "read what is needed while the answer is made or sent, and drop the input with it";

    // What the app answers with.
    STATUS: "A6", Some(70), "the status is no final one",
        "use 200 to 599; send 1xx by `informational`, and take a stream over by `upgrade`";
    FIELD_NAME: "A7", Some(74), "a field's name was refused",
        "use a token, and not `status`";
    FIELD_VALUE: "A8", Some(75), "a field's value was refused",
        "encode or remove its control characters";
    HOP_BY_HOP: "A9", Some(77), "a hop-by-hop field was refused",
        "leave it to the server: `close`, `offer_upgrade`, `upgrade` and announced trailers stand for it";
    CONTENT_TYPE_MISSING: "A10", Some(81), "content without a Content-Type",
        "say what it is, `application/octet-stream` if nothing else";
    CONTENT_TYPE_SURPLUS: "A10", Some(81), "a Content-Type though the status has no content",
        "leave it out of 204 and 304";
    CONTENT_LENGTH_SURPLUS: "A10", Some(81), "a Content-Length though the answer has no content",
        "leave it out of 204 and of an upgrade";
    NO_CONTENT: "S20", Some(82), "content that the status has no place for, and that the server drops",
        "answer 204 and 304 by `empty()`";
    RESET_CONTENT: "S21", Some(83), "content in a 205, that the server drops",
        "answer 205 by `empty()`";
    LENGTH_CONFLICT: "A11", Some(95), "Content-Length contradicts the body's exact length",
        "leave the field to the server, or mend it with the body";
    LENGTH_VALUE: "A11", Some(95), "a Content-Length was refused",
        "give one plain number, the same each time, or leave it to the server";
    LENGTH_SURPLUS: "A11", Some(93), "the body gave more bytes than declared",
        "declare the true length, or none";
    LENGTH_MISSING: "A11", Some(94), "the body gave fewer bytes than declared",
        "declare the true length, or none";
    NOT_OFFERED: "A20", Some(141), "an upgrade that the client didn't offer",
        "ask `Environ::upgrade` for the offer, and have an answer without one";
    UNDECLARED_NEED: "A17", None, "the app failed for want of a capability that it doesn't require",
        "go on without it, or name it in `requires`";
    OWN_ERROR: "A16", None, "the app left an error or a panic to the server, whose answer says nothing",
        "answer it while the head is unsent";
    BLOCKED: "A3", None, "one poll held up its thread",
        "move what blocks into `blocking` or the environ's offload";

    // The body.
    HINT: "A15", Some(107), "the body's hints contradict what it gave",
        "let `size_hint` and `is_end_stream` tell the truth, or leave their defaults";
    ERROR_LATE: "A15", Some(107), "the body failed behind its declared end",
        "find errors before the last piece, or declare no length";
    AFTER_TRAILERS: "A15", Some(107), "the body went on behind its trailers",
        "give trailers as the last thing";
    TRAILERS_WITHHELD: "A15", Some(107), "trailers were announced and not given",
        "give those that are announced, empty if need be";
    TRAILERS_UNANNOUNCED: "S18", Some(105), "trailers that weren't announced aren't sent on HTTP/1.1",
        "name them by `announce_trailers` or `with_trailers`";
    TRAILER_NAME: "A14", Some(106), "a field that can't be a trailer",
        "send it in the head";
    DROP_PANIC: "A12", Some(119), "the body panicked when it was dropped",
        "expect the drop at any piece";
    UNMARKED_THREAD: "C3", Some(68), "a body that blocks is pulled on a thread that may not",
        "pull it inside `may_block`, or give the server a pool as its offload";

    // The end.
    OUTCOME: "S63", Some(121), "an answer was told as whole that was not",
        "tell the outcome after the last flush, as aborted or failed if not all went out";

    // Middleware, by the lint inside against the lint outside.
    OWES_BOTH: "M2", None, "middleware broke a clause towards the app it holds",
        "obey the S clauses towards the inner app";
    KEPT_BACK: "M3", Some(108), "middleware waited for several pieces to make one",
        "give a piece, or nothing ready, for each";
    READ_FIRST: "M4", Some(108), "middleware read the inner body before it returned its answer",
        "map the body and return at once";
    NOT_CLOSED: "M5", Some(109), "middleware replaced a body and kept the inner one",
        "drop what is replaced";
    TARGET_CHANGED: "M6", Some(15), "middleware changed the target",
        "change script_name and path_info alone";
    NEEDS_LOST: "M7", None, "middleware doesn't require what its inner app requires",
        "return the union of its own needs and those of all it holds";
    STOP_LOST: "M7", None, "middleware didn't pass `stop` on",
        "await the `stop` of all it holds";
    EXTENSIONS_LOST: "M8", Some(140), "middleware lost the environ's slots or its exchange",
        "pass the environ on, or convert it by `into_request` and `from_request`";
    HIDDEN_ERROR: "M10", None, "middleware hid the failure of a body behind one that looks whole",
        "let the error through";
}

//! The rules that the suite proves, by number: what is owed, and who can break it.
//!
//! SPEC.md says what is owed at length and cites the sources; a rule is one way to see whether it is kept. The numbers
//! never change: marks, reports and clauses name them.

/// One rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rule {
    /// Its number, from 1.
    pub number: u16,
    /// The part of the contract that it belongs to.
    pub part: &'static str,
    /// Who can break it.
    pub owes: Owes,
    /// What is owed, in a line.
    pub what: &'static str,
}

/// Who can break a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Owes {
    /// The server.
    Server,
    /// The app: for types, `start`, `respond` or the lint to catch.
    App,
    /// A middleware.
    Middleware,
    /// The server, where it advertises the capability.
    Optional,
    /// The suite itself.
    Suite,
}

/// The rule of a number.
pub fn rule(number: u16) -> Option<&'static Rule> {
    RULES.get(usize::from(number).checked_sub(1)?)
}

/// The rules that have no case, and what proves them instead.
pub const ELSEWHERE: &[(u16, &str)] = &[];

/// All rules, in the order of their numbers.
pub const RULES: &[Rule] = &[
    // Environ and request line
    new(1, "Environ and request line", Owes::Server, "Method passed verbatim, case kept, any token accepted"),
    new(
        2,
        "Environ and request line",
        Owes::Server,
        "Unknown method reaches the app, not 501 by the adapter",
    ),
    new(
        3,
        "Environ and request line",
        Owes::Server,
        "Raw request target available unmodified (or loss documented)",
    ),
    new(
        4,
        "Environ and request line",
        Owes::Server,
        "Path percent-decoded exactly once where a decoded view is offered",
    ),
    new(5, "Environ and request line", Owes::Server, "Non-ASCII percent bytes survive as bytes"),
    new(6, "Environ and request line", Owes::Server, "Repeated and trailing slashes kept"),
    new(
        7,
        "Environ and request line",
        Owes::Server,
        "Query string separate, without \"?\", empty vs absent defined",
    ),
    new(
        8,
        "Environ and request line",
        Owes::Server,
        "Fragment never appears; request with \"#\" handled as documented",
    ),
    new(9, "Environ and request line", Owes::Server, "OPTIONS * gives asterisk form, only for OPTIONS"),
    new(10, "Environ and request line", Owes::Server, "CONNECT gives authority form"),
    new(
        11,
        "Environ and request line",
        Owes::Server,
        "Absolute-form target: host taken from target, Host ignored",
    ),
    new(12, "Environ and request line", Owes::Server, "Mount prefix empty or \"/\"-led, never \"/\""),
    new(13, "Environ and request line", Owes::Server, "Mount + path-info concatenation equals full path"),
    new(
        14,
        "Environ and request line",
        Owes::Server,
        "Every case also passes under a non-empty mount prefix",
    ),
    new(
        15,
        "Environ and request line",
        Owes::Middleware,
        "Inner app sees split path, original target unchanged",
    ),
    new(16, "Environ and request line", Owes::Server, "HTTP version reported: 1.0, 1.1, 2 (3)"),
    new(17, "Environ and request line", Owes::Server, "Scheme reflects the last hop, not forwarded headers"),
    new(
        18,
        "Environ and request line",
        Owes::Server,
        "Forwarded headers never change peer, scheme or host unless trust is configured",
    ),
    new(
        19,
        "Environ and request line",
        Owes::Server,
        "With trust configured, resolution is right-to-left and stops at first untrusted hop",
    ),
    new(
        20,
        "Environ and request line",
        Owes::Server,
        "Server name/port non-empty, port numeric; for unix listeners the port comes from Host, else 80/443",
    ),
    new(21, "Environ and request line", Owes::Server, "Host exposed as sent; URL reconstruction prefers it"),
    new(
        22,
        "Environ and request line",
        Owes::Server,
        "Missing, duplicate or invalid Host on HTTP/1.1 -> 400 before the app",
    ),
    new(23, "Environ and request line", Owes::Server, ":authority and Host agree or are reconciled on H2"),
    new(
        24,
        "Environ and request line",
        Owes::Server,
        "Peer address present for TCP; unix peers represented, not faked",
    ),
    new(25, "Environ and request line", Owes::Server, "Local address present"),
    new(
        26,
        "Environ and request line",
        Owes::Optional,
        "TLS block: version, ALPN, SNI, peer certs leaf first; absent without TLS",
    ),
    new(
        27,
        "Environ and request line",
        Owes::Server,
        "Server info (name, version, concurrency model, capabilities) available before the first request",
    ),
    new(28, "Environ and request line", Owes::Server, "Mock kit fills the same fields as real servers"),
    // Request headers
    new(29, "Request headers", Owes::Server, "Names case-insensitive, presented in one case"),
    new(30, "Request headers", Owes::Server, "Duplicates preserved in order, not joined"),
    new(31, "Request headers", Owes::Server, "Cookie crumbs on H2 rejoined with \"; \""),
    new(32, "Request headers", Owes::Server, "Obs-text bytes preserved"),
    new(33, "Request headers", Owes::Server, "Leading/trailing whitespace stripped from values"),
    new(34, "Request headers", Owes::Server, "Whitespace between name and colon -> 400"),
    new(35, "Request headers", Owes::Server, "Obs-fold rejected or replaced by spaces"),
    new(36, "Request headers", Owes::Server, "NUL/CR/LF in a value -> 400"),
    new(37, "Request headers", Owes::Server, "Whitespace line before the first field rejected"),
    new(38, "Request headers", Owes::Server, "Leading CRLF before the request line tolerated"),
    new(
        39,
        "Request headers",
        Owes::Server,
        "Header limits: too many/too large -> 431; over-long target -> 414",
    ),
    new(40, "Request headers", Owes::Server, "Large but legal header (128 B, 4 KiB, 8 KiB) passes"),
    new(41, "Request headers", Owes::Server, "Underscore and hyphen names cannot collide"),
    new(42, "Request headers", Owes::Server, "Authorization reaches the app"),
    new(43, "Request headers", Owes::Server, "No CGI-style duplicates of Content-Type/Length"),
    new(
        44,
        "Request headers",
        Owes::Server,
        "Hop-by-hop request fields not needed by the app; TE/Connection hidden or documented",
    ),
    // Request body
    new(45, "Request body", Owes::Server, "No body: reader returns EOF at once and does not block"),
    new(46, "Request body", Owes::Server, "Content-Length body exact, EOF simulated"),
    new(
        47,
        "Request body",
        Owes::Server,
        "Chunked body without length readable to EOF, length reported unknown",
    ),
    new(48, "Request body", Owes::Server, "Chunk boundaries split at every byte position"),
    new(49, "Request body", Owes::Server, "Many 1-byte chunks; chunk extensions ignored and bounded"),
    new(
        50,
        "Request body",
        Owes::Server,
        "Invalid chunk size, missing CRLF, missing last chunk -> error, never silent EOF",
    ),
    new(51, "Request body", Owes::Server, "Body shorter than declared -> typed truncation error, not EOF"),
    new(52, "Request body", Owes::Server, "Bytes after the body belong to the next request"),
    new(53, "Request body", Owes::Server, "TE + CL: 400, or TE wins with CL hidden; closed after either way"),
    new(
        54,
        "Request body",
        Owes::Server,
        "Differing Content-Length values -> 400; equal repeats: 400 or one value",
    ),
    new(
        55,
        "Request body",
        Owes::Server,
        "TE not ending in chunked -> 400; TE in HTTP/1.0 -> 400; a coding before chunked that isn't decoded: 501 (hyper's difference listed)",
    ),
    new(56, "Request body", Owes::Server, "96,000-byte and 10 MiB bodies intact by digest"),
    new(
        57,
        "Request body",
        Owes::Server,
        "Limit counted on bytes, also for chunked; typed error; 413 if head unsent",
    ),
    new(58, "Request body", Owes::Server, "Slow body: read timeout is a typed error"),
    new(
        59,
        "Request body",
        Owes::Server,
        "Unread body: response still delivered, then drained or closed per policy",
    ),
    new(60, "Request body", Owes::Server, "Ignored body, keep-alive: next request parsed correctly"),
    new(61, "Request body", Owes::Server, "Partial read then response: same"),
    new(62, "Request body", Owes::Server, "100 sent only when the app first reads"),
    new(63, "Request body", Owes::Server, "No 100 when the app answers without reading"),
    new(64, "Request body", Owes::Server, "No 100 for HTTP/1.0, nor without a body"),
    new(65, "Request body", Owes::Server, "Unknown Expect handled per policy (417 or ignore)"),
    new(66, "Request body", Owes::Optional, "Request trailers after EOF; forbidden names dropped"),
    new(67, "Request body", Owes::App, "Input not used after finish/upgrade"),
    new(
        68,
        "Request body",
        Owes::Server,
        "Body usable from sync app on async server and the reverse, same bytes",
    ),
    // Response head
    new(69, "Response head", Owes::Server, "Status and headers as given; canonical reason or none"),
    new(
        70,
        "Response head",
        Owes::App,
        "Status in 200..599 for the final response; 1xx only via informational",
    ),
    new(71, "Response head", Owes::App, "Exactly one head; second start is an error"),
    new(72, "Response head", Owes::Optional, "Replacement before commit works, after commit errors"),
    new(73, "Response head", Owes::App, "No body bytes before the head"),
    new(74, "Response head", Owes::App, "Header names valid tokens; no \"status\" name"),
    new(75, "Response head", Owes::App, "Values without CR, LF, NUL: rejected, not repaired"),
    new(
        76,
        "Response head",
        Owes::Server,
        "Repeated response fields all sent, order kept, Set-Cookie never joined",
    ),
    new(
        77,
        "Response head",
        Owes::App,
        "Hop-by-hop fields (Connection, Keep-Alive, TE, Transfer-Encoding, Upgrade, Trailer by hand) rejected",
    ),
    new(78, "Response head", Owes::Server, "Exactly one Date, added if missing"),
    new(79, "Response head", Owes::Server, "Server header policy: at most one, app wins"),
    new(
        80,
        "Response head",
        Owes::Server,
        "Head sent when the app flushes or first body chunk exists, not later",
    ),
    new(
        81,
        "Response head",
        Owes::App,
        "No Content-Type/Content-Length on 1xx, 204 (304 length optional per RFC)",
    ),
    new(82, "Response head", Owes::Server, "204/304/1xx never carry a body, on H1 AND H2"),
    new(83, "Response head", Owes::Server, "205 has no content (Content-Length: 0)"),
    new(84, "Response head", Owes::Server, "HEAD: same fields as GET, no body, on H1 AND H2"),
    new(85, "Response head", Owes::Server, "HEAD keeps an app-set Content-Length and does not invent 0"),
    new(86, "Response head", Owes::Server, "HEAD body producer is still closed/dropped and outcome reported"),
    new(87, "Response head", Owes::Server, "2xx to CONNECT: no Content-Length/Transfer-Encoding"),
    new(88, "Response head", Owes::Server, "405 from adapter helpers carries Allow"),
    // Response body and framing
    new(89, "Response body and framing", Owes::Server, "In-memory body gets Content-Length"),
    new(90, "Response body and framing", Owes::Server, "Empty body gets Content-Length: 0 where allowed"),
    new(
        91,
        "Response body and framing",
        Owes::Server,
        "Unknown length on HTTP/1.1 -> chunked; on HTTP/1.0 -> close-delimited",
    ),
    new(
        92,
        "Response body and framing",
        Owes::Server,
        "App Content-Length + streaming body uses length framing",
    ),
    new(
        93,
        "Response body and framing",
        Owes::Server,
        "Too many bytes: surplus not sent, app error reported, connection closed",
    ),
    new(
        94,
        "Response body and framing",
        Owes::Server,
        "Too few bytes: connection closed/reset, error reported",
    ),
    new(
        95,
        "Response body and framing",
        Owes::Server,
        "Exact size hint contradicting Content-Length refused before sending",
    ),
    new(
        96,
        "Response body and framing",
        Owes::Server,
        "Zero-length chunks neither end the response nor emit a chunk terminator",
    ),
    new(
        97,
        "Response body and framing",
        Owes::Server,
        "After `flush` returns the bytes are with the OS; a piece yielded without flush is sent while the app makes the next one, at most one tick later (PEP 3333's second way); ping-pong test",
    ),
    new(
        98,
        "Response body and framing",
        Owes::Server,
        "Body bytes never altered; header-like body text not reparsed",
    ),
    new(99, "Response body and framing", Owes::Server, "Slow reader: producer is held back, memory bounded"),
    new(
        100,
        "Response body and framing",
        Owes::Server,
        "Full duplex echo: response may start before request EOF (O on H1)",
    ),
    new(
        101,
        "Response body and framing",
        Owes::Server,
        "File body: bytes and digest equal to reading the file",
    ),
    new(
        102,
        "Response body and framing",
        Owes::Optional,
        "File range: offset/length honoured, length header right",
    ),
    new(
        103,
        "Response body and framing",
        Owes::Middleware,
        "A mapped file body goes through the mapper (no fast-path bypass)",
    ),
    new(104, "Response body and framing", Owes::Server, "File shorter than announced -> visible abort"),
    new(
        105,
        "Response body and framing",
        Owes::Optional,
        "Trailers sent on H2; on H1.1 only with TE: trailers and announced; result reported",
    ),
    new(106, "Response body and framing", Owes::App, "Forbidden trailer names rejected"),
    new(
        107,
        "Response body and framing",
        Owes::App,
        "Body finished exactly once; drop without finish = truncated",
    ),
    new(
        108,
        "Response body and framing",
        Owes::Middleware,
        "Middleware yields/flushes at least once per inner chunk, never collects a stream",
    ),
    new(109, "Response body and framing", Owes::Middleware, "Replaced body closes the inner body"),
    // Errors, aborts, lifetime
    new(
        110,
        "Errors, aborts, lifetime",
        Owes::Server,
        "App error before head -> 500, connection usable, logged",
    ),
    new(
        111,
        "Errors, aborts, lifetime",
        Owes::Server,
        "Panic before head -> 500, server and other requests survive",
    ),
    new(
        112,
        "Errors, aborts, lifetime",
        Owes::Server,
        "Panic or error after head -> truncation visible (no last chunk / RST_STREAM)",
    ),
    new(
        113,
        "Errors, aborts, lifetime",
        Owes::Server,
        "Error text of the app not leaked to the client by default",
    ),
    new(114, "Errors, aborts, lifetime", Owes::Server, "App that never answers -> 500 (or abort), not hang"),
    new(
        115,
        "Errors, aborts, lifetime",
        Owes::Server,
        "Client closes during app: token fires; future dropped or thread told",
    ),
    new(
        116,
        "Errors, aborts, lifetime",
        Owes::Server,
        "Client closes during body: producer stopped, cleanup runs once",
    ),
    new(
        117,
        "Errors, aborts, lifetime",
        Owes::Server,
        "Default: a FIN while the app runs counts as gone (token fires with its cause, an async future is dropped), on every adapter; with setting `half_close` the answer is still sent and only a reset counts",
    ),
    new(118, "Errors, aborts, lifetime", Owes::Server, "H2 RST_STREAM cancels only that request"),
    new(
        119,
        "Errors, aborts, lifetime",
        Owes::Server,
        "Cleanup/close runs in all of: done, HEAD, error, abort, discarded",
    ),
    new(
        120,
        "Errors, aborts, lifetime",
        Owes::Server,
        "After-response callbacks: reverse order, all run though one fails, get outcome",
    ),
    new(121, "Errors, aborts, lifetime", Owes::Server, "Outcome reports bytes sent and cause"),
    new(122, "Errors, aborts, lifetime", Owes::Server, "Deadline expiry reported as timeout, not disconnect"),
    new(123, "Errors, aborts, lifetime", Owes::Server, "Errors in lint mode name the rule number"),
    // Connection
    new(
        124,
        "Connection",
        Owes::Server,
        "Keep-alive default on 1.1; explicit on 1.0; close honoured both ways",
    ),
    new(125, "Connection", Owes::Server, "App-requested \"close after this\" honoured"),
    new(126, "Connection", Owes::Server, "Pipelined requests answered in order"),
    new(127, "Connection", Owes::Server, "Concurrent H2 streams isolated; order independent"),
    new(128, "Connection", Owes::Server, "Connection reusable after 304, 204, HEAD, empty body"),
    new(129, "Connection", Owes::Server, "Lingering close avoids losing the response"),
    new(130, "Connection", Owes::Server, "Idle, header-read and handshake timeouts exist and have defaults"),
    new(
        131,
        "Connection",
        Owes::Server,
        "Graceful stop: in-flight finishes, idle keep-alive closes now, deadline forces, apps are told",
    ),
    new(132, "Connection", Owes::Server, "Several listeners (TCP, unix, inherited fd) serve one app"),
    new(133, "Connection", Owes::Server, "Accept errors (EMFILE) do not kill the server"),
    new(134, "Connection", Owes::Server, "Parallel requests: app called concurrently iff declared"),
    new(135, "Connection", Owes::Server, "Single-thread mode available or declared unsupported"),
    // Optional capabilities
    new(
        136,
        "Optional capabilities",
        Owes::Optional,
        "Informational: 103 before final head, several allowed, none after",
    ),
    new(
        137,
        "Optional capabilities",
        Owes::Optional,
        "Informational ignored on HTTP/1.0 and reported as ignored",
    ),
    new(138, "Optional capabilities", Owes::App, "Informational headers validated as response headers"),
    new(139, "Optional capabilities", Owes::Server, "Client gone during informational: no crash"),
    new(
        140,
        "Optional capabilities",
        Owes::Optional,
        "Upgrade H1: 101 with Connection/Upgrade, bytes after head belong to the upgraded stream",
    ),
    new(141, "Optional capabilities", Owes::App, "Upgrade only to an offered protocol"),
    new(142, "Optional capabilities", Owes::Optional, "100 before 101 when both asked"),
    new(
        143,
        "Optional capabilities",
        Owes::Server,
        "Refused upgrade: fallback response, and connection safe (closed or body-less)",
    ),
    new(
        144,
        "Optional capabilities",
        Owes::Optional,
        "Extended CONNECT: SETTINGS advertised, 200 not 101, no Sec-WebSocket-Accept",
    ),
    new(
        145,
        "Optional capabilities",
        Owes::Optional,
        "Duplex stream: half-close each way, EOF, backpressure",
    ),
    new(
        146,
        "Optional capabilities",
        Owes::Optional,
        "PROXY protocol parsed only at connection start, only if enabled",
    ),
    new(
        147,
        "Optional capabilities",
        Owes::Server,
        "Unsupported capability -> typed NotSupported, never panic or silent success",
    ),
    new(
        148,
        "Optional capabilities",
        Owes::Server,
        "Advertised capabilities really work (each O test must pass when advertised)",
    ),
    // HTTP/2 specifics
    new(149, "HTTP/2 specifics", Owes::Server, "Connection-specific request fields -> malformed"),
    new(150, "HTTP/2 specifics", Owes::Server, "Uppercase names -> malformed"),
    new(151, "HTTP/2 specifics", Owes::Server, "Content-Length vs DATA mismatch -> stream error"),
    new(152, "HTTP/2 specifics", Owes::Server, "Connection-specific response fields never emitted"),
    new(153, "HTTP/2 specifics", Owes::Server, "Trailers without END_STREAM rejected"),
    new(154, "HTTP/2 specifics", Owes::Server, "Same request on H1/H2 gives equal environ except version"),
    // Suite hygiene
    new(155, "Suite hygiene", Owes::Suite, "Every case runs with lint on and lint off"),
    new(
        156,
        "Suite hygiene",
        Owes::Suite,
        "Every case above the wire runs over a real socket and over the mock; wire cases over sockets only, marked in the data",
    ),
    new(
        157,
        "Suite hygiene",
        Owes::Suite,
        "Result is machine-readable: pass / fail / not-advertised, per rule number",
    ),
    new(
        158,
        "Suite hygiene",
        Owes::Suite,
        "A deliberately wrong adapter per rule proves the test can fail (mutation check)",
    ),
];

const fn new(number: u16, part: &'static str, owes: Owes, what: &'static str) -> Rule {
    Rule { number, part, owes, what }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_stands_at_its_number() {
        let numbers: Vec<u16> = RULES.iter().map(|rule| rule.number).collect();
        assert_eq!(numbers, (1..=158).collect::<Vec<_>>());
        assert!(rule(0).is_none() && rule(159).is_none());
        assert!(rule(84).is_some_and(|it| it.what.starts_with("HEAD")));
    }
}

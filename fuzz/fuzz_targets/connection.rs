//! A whole connection of rsgi-std against the model: which requests the app saw, what the client got, and that it ends.
//!
//! A real server, started once; the client sends everything, ends its direction and reads to the end. The first byte
//! says where the bytes are cut in two writes. Not here: another server's opinion (`differential.rs`).
//!
//! Invariant held against: every byte belongs to one request at most, and every request has one answer at most.
#![no_main]

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use rsgi_core::InputErrorKind;
use rsgi_fuzz::connection_model::{Course, Finish, Step, course};
use rsgi_fuzz::ground::{Ground, Kind, Seen, Transcript};
use rsgi_std::h1::{BodyLimits, HeadLimits};

fuzz_target!(|data: &[u8]| {
    static GROUND: OnceLock<Ground> = OnceLock::new();
    let [cut, bytes @ ..] = data else { return };
    let ground = GROUND.get_or_init(|| Ground::start(Kind::Std, BODY_BYTES));
    let cut = usize::from(*cut) % (bytes.len() + 1);
    let transcript = ground.converse(&[&bytes[..cut], &bytes[cut..]]);
    let body_limits = BodyLimits {
        body_bytes: BODY_BYTES,
        extensions_total: EXTENSIONS,
        trailer_bytes: 8_192,
        ..BodyLimits::default()
    };
    let course =
        course(bytes, &HeadLimits::default(), &BodyLimits { extension_bytes: EXTENSIONS, ..body_limits });
    if let Err(fault) = compare(&course, &transcript) {
        panic!(
            "{fault}\nbytes: {:?}\nmodel: {course:#?}\nserver: {transcript:#?}",
            String::from_utf8_lossy(bytes)
        );
    }
});

/// Says what is wrong with what the server did.
fn compare(course: &Course, transcript: &Transcript) -> Result<(), String> {
    let mut seen = transcript.seen.iter();
    let mut answers = transcript.answers.iter();
    for step in &course.steps {
        let Some(seen) = seen.next() else {
            // Refused, as it may be: the rest is never looked at.
            let is_refused = answers.next().is_some_and(|answer| answer.class() >= 4 && answer.closes);
            let is_over = answers.next().is_none();
            let is_right = !step.is_certain && is_refused && is_over;
            return if is_right { Ok(()) } else { Err("the app didn't see a request".to_owned()) };
        };
        request(step, seen)?;
        let answer = answers.next();
        match (&step.body, answer) {
            (Ok(_), Some(answer)) => {
                let wanted = if step.head.method == b"CONNECT" { 405 } else { 200 };
                if answer.status != wanted {
                    return Err(format!("answered by {answer:?}"));
                }
            }
            (Err(_), Some(answer)) if answer.class() == 4 && answer.closes => {}
            // A client that ended in the middle of its body may be told nothing.
            (Err(InputErrorKind::Truncated), None) => {}
            (_, answer) => return Err(format!("answered by {answer:?}")),
        }
    }
    if let Some(seen) = seen.next() {
        return Err(format!("the app saw one more: {seen:?}"));
    }
    let refusal = answers.next();
    let is_refusal = refusal.is_some_and(|answer| answer.class() >= 4 && answer.closes);
    let is_right = match course.finish {
        Finish::Silent => refusal.is_none(),
        Finish::Refusal => is_refusal,
        Finish::Open => refusal.is_none() || is_refusal,
    };
    match (is_right, answers.next()) {
        (false, _) => Err(format!("ended with {refusal:?}")),
        (true, Some(more)) => Err(format!("one answer more: {more:?}")),
        (true, None) => Ok(()),
    }
}

/// Says how the app's view differs from the model's.
fn request(step: &Step, seen: &Seen) -> Result<(), String> {
    let head = &step.head;
    let is_same = head.method == seen.method && head.target == seen.target && head.is_11 == seen.is_11;
    if !is_same {
        return Err(format!("another request line: {seen:?}"));
    }
    let says_host = !matches!(head.target[0], b'/' | b'*');
    let without_host = |fields: &[(Vec<u8>, Vec<u8>)]| {
        let fields = fields.iter().filter(|(name, _)| !says_host || name != b"host");
        let mut fields: Vec<_> = fields.cloned().collect();
        fields.sort_by(|one, other| one.0.cmp(&other.0));
        fields
    };
    if without_host(&head.fields) != without_host(&seen.fields) {
        return Err(format!("other fields: {:?}", seen.fields));
    }
    match (&step.body, &seen.content) {
        (Ok(content), Ok(data)) if content.data == *data => Ok(()),
        (Err(kind), Err((same, _))) if kind == same => Ok(()),
        (_, content) => Err(format!("another body: {content:?}")),
    }
}

/// The limit on content: little, so that short inputs reach it.
const BODY_BYTES: u64 = 256;
/// The default of the setting `chunk_extension_bytes`, which rsgi-std takes for one chunk and for all of a body.
const EXTENSIONS: usize = 16_384;

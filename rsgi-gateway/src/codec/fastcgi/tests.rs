//! FastCGI's codec against records made by hand: what is read.

use proptest::prelude::*;

use super::*;
use crate::codec::told::{Answers, Told, check, told};

/// A record as the specification draws it, written apart from `record.rs`.
pub(super) fn record(kind: u8, id: u16, content: &[u8], padding: u8) -> Vec<u8> {
    let mut bytes = vec![1, kind];
    bytes.extend(id.to_be_bytes());
    bytes.extend(u16::try_from(content.len()).unwrap().to_be_bytes());
    bytes.extend([padding, 77]);
    bytes.extend(content);
    bytes.extend(vec![b'#'; padding.into()]);
    bytes
}

/// `BEGIN_REQUEST` of a responder whose connection goes on.
pub(super) fn begin(id: u16) -> Vec<u8> {
    record(1, id, &[0, 1, 1, 0, 0, 0, 0, 0], 0)
}

/// The same, on a connection that ends with it.
pub(super) fn begin_last(id: u16) -> Vec<u8> {
    record(1, id, &[0, 1, 0, 0, 0, 0, 0, 0], 0)
}

pub(super) fn ended(id: u16, app_status: u8, status: u8) -> Vec<u8> {
    record(3, id, &[0, 0, 0, app_status, status, 0, 0, 0], 0)
        .into_iter()
        .enumerate()
        .map(|(at, byte)| if at == 7 { 0 } else { byte })
        .collect()
}

fn reply(kind: u8, content: &[u8]) -> Told {
    let mut bytes = record(kind, 0, content, 0);
    bytes[7] = 0;
    Told::Reply(bytes)
}

/// A pair with the shortest lengths there are.
fn pair(name: &str, value: &str) -> Vec<u8> {
    let length = |length: usize| match u8::try_from(length) {
        Ok(short @ 0..128) => vec![short],
        _ => (u32::try_from(length).unwrap() | 0x8000_0000).to_be_bytes().to_vec(),
    };
    [length(name.len()), length(value.len()), name.into(), value.into()].concat()
}

fn begun(id: u16, variables: &[(&str, &str)]) -> Told {
    Told::Begin(id, variables.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect())
}

fn content(id: u16, text: &str) -> Told {
    Told::Content(id, text.into())
}

#[track_caller]
fn expect(records: &[Vec<u8>], answers: Answers, expected: &[Told]) {
    check::<FastCgi>(&records.concat(), &Bounds::default(), answers, expected);
}

fn small() -> Bounds {
    Bounds { variables_bytes: 10, variables: 3, requests: 2, ..Bounds::default() }
}

#[test]
fn a_request_is_its_variables_its_content_and_its_end() {
    let variables = [pair("A", "bcd"), pair("EMPTY", ""), pair("", "x")].concat();
    let records = [
        begin(1),
        record(4, 1, &variables, 3),
        record(4, 1, b"", 255),
        record(5, 1, b"one", 5),
        record(5, 1, b"two", 0),
        record(5, 1, b"", 0),
    ];
    let expected = [begun(1, &[("A", "bcd"), ("EMPTY", ""), ("", "x")]), content(1, "onetwo"), Told::End(1)];
    expect(&records, Answers::Never, &expected);
}

#[test]
fn variables_may_be_none() {
    let records = [begin(1), record(4, 1, b"", 0), record(5, 1, b"", 9)];
    expect(&records, Answers::Never, &[begun(1, &[]), Told::End(1)]);
}

#[test]
fn variables_may_be_cut_over_records_anywhere() {
    let long = "v".repeat(130);
    let variables =
        [pair("NAME", "value"), pair(&"N".repeat(128), &long), b"\x80\0\0\x01\x80\0\0\x02XYZ".to_vec()]
            .concat();
    let name = "N".repeat(128);
    let expected = [begun(7, &[("NAME", "value"), (&name, &long), ("X", "YZ")])];
    for cut in 1..variables.len() {
        let (one, other) = variables.split_at(cut);
        let records = [begin(7), record(4, 7, one, 1), record(4, 7, other, 0), record(4, 7, b"", 0)];
        assert_eq!(told::<FastCgi>([&records.concat()[..]], &Bounds::default(), Answers::Never), expected);
    }
    let single: Vec<u8> = variables.iter().flat_map(|byte| record(4, 7, &[*byte], 2)).collect();
    expect(&[begin(7), single, record(4, 7, b"", 0)], Answers::Never, &expected);
}

#[test]
fn a_variable_that_runs_over_the_end_is_refused() {
    let whole = [pair("A", "b"), pair("LONG", &"v".repeat(200))].concat();
    // Whole pairs may end behind the first one alone.
    for length in (1..whole.len()).filter(|length| *length != 4) {
        let records =
            [begin(1), record(4, 1, &whole[..length], 0), record(4, 1, b"", 0), record(5, 1, b"x", 0)];
        let told = told::<FastCgi>([&records.concat()[..]], &Bounds::default(), Answers::Never);
        assert_eq!(told, [Told::Refused(1, 400)], "{length} bytes");
    }
    for lengths in [&b"\xff\xff\xff\xff\xff\xff\xff\xffab"[..], b"\x01\xff\xff\xff\xffab", b"\x80\0\0\0"] {
        expect(
            &[begin(1), record(4, 1, lengths, 0), record(4, 1, b"", 0)],
            Answers::Never,
            &[Told::Refused(1, 400)],
        );
    }
}

#[test]
fn variables_over_the_bounds_are_refused_and_nothing_else() {
    let fits = [pair("A", "bcdefghi"), pair("B", ""), pair("", "")].concat();
    let too_many = pair("", "").repeat(4);
    let too_large = pair("A", "bcdefghijk");
    let other =
        [begin(2), record(4, 2, &fits, 0), record(4, 2, b"", 0), record(5, 2, b"x", 0), record(5, 2, b"", 0)];
    for wrong in [too_many, too_large] {
        let records = [
            [begin(1), record(4, 1, &wrong, 0), record(4, 1, b"", 0), record(5, 1, b"skipped", 7)].concat(),
            other.concat(),
            [record(5, 1, b"skipped", 0), record(5, 1, b"", 0), record(2, 1, b"", 0)].concat(),
        ]
        .concat();
        let begun = begun(2, &[("A", "bcdefghi"), ("B", ""), ("", "")]);
        let expected = [Told::Refused(1, 431), begun, content(2, "x"), Told::End(2)];
        check::<FastCgi>(&records, &small(), Answers::Never, &expected);
        check::<FastCgi>(&records, &small(), Answers::Late, &expected);
    }
}

#[test]
fn variables_that_never_end_are_refused_before_they_are_held() {
    let bounds = Bounds::default();
    let mut codec = FastCgi::default();
    let mut input = BytesMut::from(&begin(1)[..]);
    let piece = record(4, 1, &vec![0; 60_000], 0);
    for round in 0.. {
        input.extend_from_slice(&piece);
        match codec.decode(&mut input, &bounds).unwrap() {
            None => assert!(round * 60_000 <= bounds.encoded(8)),
            Some(Event::Refused { id: 1, status: StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, .. }) => break,
            Some(other) => panic!("{other:?}"),
        }
    }
    assert!(codec.decode(&mut input, &bounds).unwrap().is_none() && input.is_empty());
}

#[test]
fn content_is_handed_on_before_its_record_is_whole() {
    let bounds = Bounds::default();
    let mut codec = FastCgi::default();
    let large = record(5, 1, &vec![b'x'; 65_535], 255);
    let mut input = BytesMut::from(&[&begin(1)[..], &record(4, 1, b"", 0), &large[..9]].concat()[..]);
    assert!(matches!(codec.decode(&mut input, &bounds), Ok(Some(Event::Begin { .. }))));
    let Ok(Some(Event::Content { bytes, .. })) = codec.decode(&mut input, &bounds) else { panic!() };
    assert_eq!(bytes, "x");
    assert!(matches!(codec.decode(&mut input, &bounds), Ok(None)));
    input.extend_from_slice(&large[9..20]);
    let start = input.as_ptr();
    let Ok(Some(Event::Content { bytes, .. })) = codec.decode(&mut input, &bounds) else { panic!() };
    assert_eq!((bytes.len(), bytes.as_ptr()), (11, start), "not copied");
}

#[test]
fn variables_of_one_record_are_not_copied() {
    let bounds = Bounds::default();
    let records = [begin(1), record(4, 1, &pair("NAME", "value"), 0), record(4, 1, b"", 0)].concat();
    let mut input = BytesMut::from(&records[..]);
    let value = input[8 + 8 + 8 + 2 + 4..].as_ptr();
    let Ok(Some(Event::Begin { variables, .. })) = FastCgi::default().decode(&mut input, &bounds) else {
        panic!()
    };
    assert_eq!(variables.get("NAME").unwrap().as_ptr(), value);
}

#[test]
fn requests_are_multiplexed() {
    let records = [
        begin(1),
        begin(0x0203),
        record(4, 0x0203, &pair("N", "two"), 0),
        record(4, 1, &pair("N", "o")[..2], 0),
        record(4, 0x0203, b"", 0),
        record(4, 1, &pair("N", "o")[2..], 0),
        record(5, 0x0203, b"22", 1),
        record(4, 1, b"", 0),
        record(5, 1, b"1", 0),
        record(5, 0x0203, b"", 0),
        record(5, 1, b"1", 0),
        record(5, 1, b"", 0),
    ];
    let expected = [
        begun(0x0203, &[("N", "two")]),
        content(0x0203, "22"),
        begun(1, &[("N", "o")]),
        content(1, "1"),
        Told::End(0x0203),
        content(1, "1"),
        Told::End(1),
    ];
    expect(&records, Answers::Never, &expected);
    expect(&records, Answers::Late, &expected);
}

#[test]
fn more_requests_than_the_bound_are_told_that_it_is_overloaded() {
    let empty = |id| [record(4, id, b"", 0), record(5, id, b"", 0)].concat();
    let records = [begin(1), begin(2), begin(3), empty(3), empty(2), begin(3), empty(3), empty(1)].concat();
    let expected = [
        Told::Reply(ended(3, 0, 2)),
        begun(2, &[]),
        Told::End(2),
        // The second one was answered.
        begun(3, &[]),
        Told::End(3),
        begun(1, &[]),
        Told::End(1),
    ];
    check::<FastCgi>(&records, &small(), Answers::Late, &expected);
}

#[test]
fn other_roles_are_refused() {
    for role in [[0, 0], [0, 2], [0, 3], [1, 1], [255, 255]] {
        let asked = |flags| record(1, 9, &[role[0], role[1], flags, 0, 0, 0, 0, 0], 0);
        let rest = [record(4, 9, b"", 0), record(5, 9, b"x", 0), record(5, 9, b"", 0)].concat();
        let after = [begun(1, &[])];
        let goes_on = [begin(1), record(4, 1, b"", 0)].concat();
        let refused = Told::Reply(ended(9, 0, 3));
        expect(
            &[asked(1), rest.clone(), goes_on.clone()],
            Answers::Late,
            &[&[refused.clone()][..], &after].concat(),
        );
        expect(&[asked(0), rest, goes_on], Answers::Late, &[refused, Told::Close]);
    }
}

#[test]
fn an_abort_of_a_request_under_way_is_told_once_and_its_rest_is_skipped() {
    let abort = || record(2, 1, b"", 4);
    let head = [begin(1), record(4, 1, b"", 0)].concat();
    let tail = [record(5, 1, b"late", 0), abort(), record(5, 1, b"", 0)].concat();
    expect(
        &[head.clone(), record(5, 1, b"x", 0), abort(), tail.clone()],
        Answers::Never,
        &[begun(1, &[]), content(1, "x"), Told::Abort(1)],
    );
    expect(
        &[head.clone(), record(5, 1, b"", 0), abort(), tail],
        Answers::Never,
        &[begun(1, &[]), Told::End(1), Told::Abort(1)],
    );
    // Answered already, or never begun: there is nothing to abort.
    expect(&[head, record(5, 1, b"", 0), abort()], Answers::Late, &[begun(1, &[]), Told::End(1)]);
    expect(&[abort()], Answers::Never, &[]);
}

#[test]
fn an_abort_before_the_variables_are_there_is_answered_at_once() {
    let abort = || [record(4, 1, b"\x05", 0), record(2, 1, b"", 0), record(4, 1, b"", 0)].concat();
    let again = [begin(1), record(4, 1, b"", 0)].concat();
    let ended = || Told::Reply(ended(1, 1, 0));
    expect(&[begin(1), abort(), again.clone()], Answers::Never, &[ended(), begun(1, &[])]);
    expect(&[begin_last(1), abort(), again], Answers::Never, &[ended(), Told::Close]);
}

#[test]
fn values_are_told_by_their_names() {
    let bounds = Bounds::default();
    let asked = [
        pair("FCGI_MPXS_CONNS", ""),
        pair("FCGI_NOTHING", ""),
        pair("FCGI_MAX_CONNS", "ignored"),
        pair("FCGI_MAX_REQS", ""),
        pair("FCGI_MAX_REQS", ""),
    ]
    .concat();
    let (connections, requests) =
        (bounds.connections.to_string(), (bounds.connections * bounds.requests).to_string());
    let told = [
        pair("FCGI_MAX_CONNS", &connections),
        pair("FCGI_MAX_REQS", &requests),
        pair("FCGI_MPXS_CONNS", "1"),
    ]
    .concat();
    expect(&[record(9, 0, &asked, 5)], Answers::Never, &[reply(10, &told)]);
    expect(&[record(9, 0, b"", 0)], Answers::Never, &[reply(10, b"")]);
    let one = [record(9, 0, &pair("FCGI_MAX_CONNS", ""), 0), begin(1), record(4, 1, b"", 0)];
    expect(&one, Answers::Never, &[reply(10, &pair("FCGI_MAX_CONNS", &connections)), begun(1, &[])]);
    // Behind so many bytes nobody looks.
    let padded = [pair("X", &"y".repeat(300)), asked].concat();
    expect(&[record(9, 0, &padded, 0)], Answers::Never, &[reply(10, b"")]);
}

#[test]
fn who_can_not_multiplex_says_so() {
    let bounds = Bounds { requests: 1, ..Bounds::default() };
    let asked = record(9, 0, &pair("FCGI_MPXS_CONNS", ""), 0);
    check::<FastCgi>(&asked, &bounds, Answers::Never, &[reply(10, &pair("FCGI_MPXS_CONNS", "0"))]);
}

#[test]
fn management_records_of_other_types_are_unknown() {
    let types = (0..=255).filter(|kind| ![9, 10, 11].contains(kind));
    let records: Vec<_> = types.clone().map(|kind| record(kind, 0, b"12345678", 1)).collect();
    let expected: Vec<_> = types.map(|kind| reply(11, &[kind, 0, 0, 0, 0, 0, 0, 0])).collect();
    assert_eq!(told::<FastCgi>([&records.concat()[..]], &Bounds::default(), Answers::Never), expected);
    expect(&[record(10, 0, b"ab", 0), record(11, 0, b"12345678", 0)], Answers::Never, &[]);
}

#[test]
fn records_that_mean_nothing_are_ignored() {
    let nothing = |id| {
        (0..=255).filter(|kind| ![1, 2, 4, 5].contains(kind)).map(move |kind| record(kind, id, b"ab", 1))
    };
    let unknown = [2, 4, 5].map(|kind| record(kind, 8, b"ab", 1)).concat();
    let between: Vec<u8> = nothing(1).chain(nothing(8)).flatten().chain(unknown).collect();
    let records = [begin(1), between.clone(), record(4, 1, b"", 0), between, record(5, 1, b"x", 0)].concat();
    let expected = [begun(1, &[]), content(1, "x")];
    let single = records.chunks(1);
    assert_eq!(told::<FastCgi>([&records[..]], &Bounds::default(), Answers::Never), expected);
    assert_eq!(told::<FastCgi>(single, &Bounds::default(), Answers::Never), expected);
}

#[test]
fn what_comes_behind_a_streams_end_is_ignored() {
    let records = [
        begin(1),
        record(4, 1, b"", 0),
        record(4, 1, &pair("LATE", "x"), 0),
        record(5, 1, b"", 0),
        record(5, 1, b"late", 0),
        record(5, 1, b"", 0),
    ];
    expect(&records, Answers::Never, &[begun(1, &[]), Told::End(1)]);
}

#[test]
fn content_before_the_variables_end_is_refused() {
    for early in [&b"x"[..], b""] {
        let records =
            [begin(1), record(5, 1, early, 0), record(4, 1, b"", 0), begin(2), record(4, 2, b"", 0)];
        expect(&records, Answers::Never, &[Told::Refused(1, 400), begun(2, &[])]);
    }
}

#[test]
fn an_id_is_begun_anew_while_the_old_content_still_comes() {
    let records = [
        begin(1),
        record(4, 1, b"", 0),
        record(5, 1, b"old", 6),
        record(5, 1, b"", 0),
        begin(1),
        record(4, 1, &pair("N", "2"), 0),
        record(4, 1, b"", 0),
    ];
    expect(&records, Answers::Early, &[begun(1, &[]), begun(1, &[("N", "2")])]);
}

#[test]
fn what_breaks_the_protocol_ends_the_connection() {
    let broken = |records: &[Vec<u8>], kind| expect(records, Answers::Never, &[Told::Malformed(kind)]);
    broken(&[begin(1), begin(1)], MalformedKind::Unexpected);
    broken(&[record(1, 1, &[0, 1, 1, 0, 0, 0, 0], 0)], MalformedKind::Length);
    broken(&[b"\x02\x01\0\x01\0\0\0\0".to_vec()], MalformedKind::Version);
    broken(&[b"GET / HTTP/1.1\r\n\r\n".to_vec()], MalformedKind::PlainHttp);
    broken(&[b"\x16\x03\x01\x02\0\x01\0\x01".to_vec()], MalformedKind::Tls);
    let after = [begin(1), record(4, 1, b"", 0), vec![0; 8]];
    expect(&after, Answers::Never, &[begun(1, &[]), Told::Malformed(MalformedKind::Version)]);
}

/// A request in records: which stream, how much of it, how much padding.
#[derive(Debug, Clone)]
struct Sent {
    variables: Vec<(String, String)>,
    content: String,
    cuts: Vec<(usize, u8)>,
}

impl Sent {
    fn records(&self, id: u16) -> Vec<Vec<u8>> {
        let params: Vec<u8> = self.variables.iter().flat_map(|(name, value)| pair(name, value)).collect();
        let mut cuts = self.cuts.iter().cycle();
        let mut records = vec![begin(id)];
        for (kind, mut stream) in [(4, &params[..]), (5, self.content.as_bytes())] {
            while !stream.is_empty() {
                let (length, padding) = cuts.next().copied().unwrap_or((50, 0));
                let (now, later) = stream.split_at(length.min(stream.len()));
                records.push(record(kind, id, now, padding));
                stream = later;
            }
            records.push(record(kind, id, b"", 0));
        }
        records
    }

    fn told(&self, id: u16) -> Vec<Told> {
        let content = (!self.content.is_empty()).then(|| content(id, &self.content));
        let begun = Told::Begin(id, self.variables.clone());
        [begun].into_iter().chain(content).chain([Told::End(id)]).collect()
    }
}

fn sent() -> impl Strategy<Value = Sent> {
    let variables = prop::collection::vec(("[A-Z_]{0,6}|[A-Z]{120,140}", "[a-z/]{0,9}|[a-z]{120,300}"), 0..6);
    let cuts = prop::collection::vec((1_usize..200, any::<u8>()), 1..5);
    (variables, "[a-z]{0,400}", cuts).prop_map(|(variables, content, cuts)| Sent { variables, content, cuts })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    /// However requests are cut into records, the records interleaved and the bytes split.
    #[test]
    fn each_request_is_told_as_it_was_sent(
        requests in prop::collection::vec(sent(), 1..5),
        order in prop::collection::vec(any::<prop::sample::Index>(), 1..40),
        sizes in prop::collection::vec(1_usize..300, 1..20),
    ) {
        let mut queues: Vec<_> = (1..).zip(&requests).map(|(id, sent)| sent.records(id).into_iter()).collect();
        let (mut bytes, mut turn) = (Vec::new(), order.iter().cycle());
        while queues.iter().any(|queue| queue.len() > 0) {
            let at = turn.next().map_or(0, |turn| turn.index(queues.len()));
            // Whose turn it is, or the next one of whom there is something left.
            queues.rotate_left(at);
            bytes.extend(queues.iter_mut().find_map(Iterator::next).unwrap_or_default());
        }
        let (mut pieces, mut rest, mut size) = (Vec::new(), &bytes[..], sizes.iter().cycle());
        while !rest.is_empty() {
            let (piece, later) = rest.split_at(rest.len().min(*size.next().unwrap_or(&1)));
            pieces.push(piece);
            rest = later;
        }
        let all = told::<FastCgi>([&bytes[..]], &Bounds::default(), Answers::Late);
        prop_assert_eq!(&told::<FastCgi>(pieces, &Bounds::default(), Answers::Late), &all);
        for (id, sent) in (1..).zip(&requests) {
            let mut own: Vec<Told> = Vec::new();
            for told in &all {
                match (own.last_mut(), told) {
                    (Some(Told::Content(_, joined)), Told::Content(of, piece)) if *of == id => joined.push_str(piece),
                    (_, Told::Begin(of, _) | Told::Content(of, _) | Told::End(of)) if *of == id => own.push(told.clone()),
                    _ => {}
                }
            }
            prop_assert_eq!(own, sent.told(id));
        }
    }
}

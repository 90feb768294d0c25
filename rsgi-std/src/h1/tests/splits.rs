//! Any split of any valid byte stream gives the same requests: a property, over streams that are made at random.
//!
//! The generator knows what it wrote, so the result is held against that and not only against another split. Samples of
//! invalid bytes at every split are in the other files of this folder, and in the wire corpus.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

/// A request as it was meant.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Meant {
    method: String,
    target: String,
    fields: Vec<(String, String)>,
    body: Vec<u8>,
    trailers: Vec<(String, String)>,
}

/// How a request's content is written.
#[derive(Clone, Debug)]
enum Written {
    Length,
    /// In chunks of at most so many bytes, with this extension.
    Chunks(usize, String),
}

fn fields(prefix: &'static str) -> impl Strategy<Value = Vec<(String, String)>> {
    let value = "([!-~]([ -~\t]{0,20}[!-~])?)?";
    vec(("[a-z0-9!#$%&'*+.^_`|~-]{0,10}", value), 0..4).prop_map(move |fields| {
        // Numbered, so that order within a name is all that a map has to keep.
        fields
            .into_iter()
            .enumerate()
            .map(|(at, (name, value))| (format!("{prefix}{at}{name}"), value))
            .collect()
    })
}

fn request() -> impl Strategy<Value = (Meant, Vec<u8>)> {
    let written = prop_oneof![
        Just(Written::Length),
        (1_usize..40, "(;[a-z]{1,5}(=([a-z0-9]{1,5}|\"[ -!#-\\[\\]-~]{0,8}\"))?){0,2}")
            .prop_map(|(size, extension)| Written::Chunks(size, extension)),
    ];
    let parts = (
        "[A-Z]{1,7}".prop_filter("CONNECT has no content", |method| method != "CONNECT"),
        "/[a-zA-Z0-9/%._~-]{0,30}(\\?[a-z=&]{0,20})?",
        fields("x-"),
        vec(any::<u8>(), 0..200),
        fields("t-"),
        written,
    );
    parts.prop_map(|(method, target, fields, body, trailers, written)| {
        let mut bytes = format!("{method} {target} HTTP/1.1\r\nhost: test\r\n").into_bytes();
        write_fields(&mut bytes, &fields);
        let mut meant = Meant { method, target, fields, body, trailers };
        match written {
            Written::Length => {
                meant.trailers.clear();
                bytes.extend(format!("content-length: {}\r\n\r\n", meant.body.len()).as_bytes());
                bytes.extend(&meant.body);
            }
            Written::Chunks(size, extension) => {
                bytes.extend(b"transfer-encoding: chunked\r\n\r\n");
                for chunk in meant.body.chunks(size) {
                    bytes.extend(format!("{:x}{extension}\r\n", chunk.len()).as_bytes());
                    bytes.extend(chunk);
                    bytes.extend(b"\r\n");
                }
                bytes.extend(format!("0{extension}\r\n").as_bytes());
                write_fields(&mut bytes, &meant.trailers);
                bytes.extend(b"\r\n");
            }
        }
        (meant, bytes)
    })
}

fn write_fields(bytes: &mut Vec<u8>, fields: &[(String, String)]) {
    for (name, value) in fields {
        bytes.extend(format!("{name}: {value}\r\n").as_bytes());
    }
}

/// Decodes a stream that comes in these pieces.
fn decode<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<Meant> {
    let mut parser = HeadParser::new(HeadLimits::default());
    let (mut progress, mut buf) = (HeadProgress::default(), BytesMut::new());
    let (mut found, mut current) = (Vec::new(), None::<(Meant, BodyDecoder)>);
    for piece in pieces {
        buf.extend_from_slice(piece);
        loop {
            let Some((meant, decoder)) = &mut current else {
                let Some(head) = parser.parse(&mut progress, &mut buf).unwrap() else { break };
                let decoder = BodyDecoder::new(head.framing, &BodyLimits::default()).unwrap();
                current = Some((started(&head), decoder));
                continue;
            };
            match decoder.decode(&mut buf).unwrap() {
                Decoded::Data(data) => meant.body.extend(&data[..]),
                Decoded::Incomplete => break,
                Decoded::End(trailers) => {
                    meant.trailers =
                        trailers.map(|trailers| pairs(&trailers.fields, "t-")).unwrap_or_default();
                    found.extend(current.take().map(|(meant, _)| meant));
                }
            }
        }
    }
    assert!(buf.is_empty() && current.is_none(), "something is left");
    found
}

fn started(head: &RequestHead) -> Meant {
    Meant {
        method: head.method.to_string(),
        target: String::from_utf8(head.target.raw(&head.uri).to_vec()).unwrap(),
        fields: pairs(&head.headers, "x-"),
        body: Vec::new(),
        trailers: Vec::new(),
    }
}

fn pairs(map: &http::HeaderMap, prefix: &str) -> Vec<(String, String)> {
    let ours = map.iter().filter(|(name, _)| name.as_str().starts_with(prefix));
    ours.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_split_of_any_valid_stream_gives_the_same_requests(
        requests in vec(request(), 1..5),
        cuts in vec(any::<prop::sample::Index>(), 0..12),
    ) {
        let bytes: Vec<u8> = requests.iter().flat_map(|(_, bytes)| bytes.clone()).collect();
        let meant: Vec<_> = requests.into_iter().map(|(meant, _)| meant).collect();
        let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(bytes.len())).chain([0, bytes.len()]).collect();
        cuts.sort_unstable();
        prop_assert_eq!(&decode([&bytes[..]]), &meant);
        prop_assert_eq!(&decode(cuts.windows(2).map(|cut| &bytes[cut[0]..cut[1]])), &meant);
        prop_assert_eq!(&decode(bytes.chunks(1)), &meant);
    }
}

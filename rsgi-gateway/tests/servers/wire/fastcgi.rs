//! FastCGI 1.0 at the web server's side.

use std::collections::BTreeMap;

use super::{Stream, Wire};

#[derive(Debug)]
pub(crate) struct FastCgi;

impl Wire for FastCgi {
    type Codec = rsgi_gateway::codec::FastCgi;
    const KEEPS: bool = true;

    /// As request 1, on a connection that is kept.
    fn head(variables: &[(String, String)]) -> Vec<u8> {
        [begin(1, true), params(1, variables)].concat()
    }

    fn content(piece: &[u8], most: usize) -> Vec<u8> {
        stdin(1, piece, most)
    }

    fn end() -> Vec<u8> {
        record(5, 1, b"")
    }

    fn sort(came: &mut Vec<u8>, streams: &mut BTreeMap<u16, Stream>) {
        while let Some(&[1, kind, id1, id0, length1, length0, padding, _]) = came.first_chunk() {
            let length = usize::from(u16::from_be_bytes([length1, length0]));
            let whole = 8 + length + usize::from(padding);
            if came.len() < whole {
                return;
            }
            let content = came[8..8 + length].to_vec();
            came.drain(..whole);
            let stream = streams.entry(u16::from_be_bytes([id1, id0])).or_default();
            assert!(stream.end.is_none() || id1 == 0 && id0 == 0, "a record after the end");
            match kind {
                // Those of 10 and 11 are on the connection itself.
                6 | 10 | 11 => stream.out.extend(content),
                7 => stream.errors.extend(content),
                3 => {
                    let status = u32::from_be_bytes(content[..4].try_into().unwrap());
                    stream.end = Some((status, content[4]));
                }
                other => panic!("a record of type {other}"),
            }
        }
        assert!(came.first().is_none_or(|version| *version == 1), "{:?}", came.escape_ascii().to_string());
    }
}

/// One record, with padding to a multiple of eight as nginx has it.
pub(crate) fn record(kind: u8, id: u16, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).unwrap().to_be_bytes();
    let padding = content.len().next_multiple_of(8) - content.len();
    let [id1, id0] = id.to_be_bytes();
    let header = [1, kind, id1, id0, length[0], length[1], u8::try_from(padding).unwrap(), 0];
    [&header[..], content, &[0; 8][..padding]].concat()
}

pub(crate) fn begin(id: u16, keeps: bool) -> Vec<u8> {
    record(1, id, &[0, 1, u8::from(keeps), 0, 0, 0, 0, 0])
}

pub(crate) fn abort(id: u16) -> Vec<u8> {
    record(2, id, b"")
}

/// All variables, with their end.
pub(crate) fn params(id: u16, variables: &[(String, String)]) -> Vec<u8> {
    let mut records = Vec::new();
    for piece in pairs(variables).chunks(usize::from(u16::MAX)) {
        records.extend(record(4, id, piece));
    }
    records.extend(record(4, id, b""));
    records
}

/// Content, without its end, in records of at most so many bytes.
pub(crate) fn stdin(id: u16, content: &[u8], most: usize) -> Vec<u8> {
    content.chunks(most).flat_map(|piece| record(5, id, piece)).collect()
}

pub(crate) fn get_values(names: &[&str]) -> Vec<u8> {
    let variables: Vec<_> = names.iter().map(|name| ((*name).to_owned(), String::new())).collect();
    record(9, 0, &pairs(&variables))
}

fn pairs(variables: &[(String, String)]) -> Vec<u8> {
    let mut pairs = Vec::new();
    for (name, value) in variables {
        for length in [name.len(), value.len()] {
            match u8::try_from(length) {
                Ok(short @ ..=127) => pairs.push(short),
                _ => pairs.extend((u32::try_from(length).unwrap() | 1 << 31).to_be_bytes()),
            }
        }
        pairs.extend(name.bytes().chain(value.bytes()));
    }
    pairs
}

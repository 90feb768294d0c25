//! SCGI and uwsgi at the web server's side: one request a connection, whose end ends the answer.

use std::collections::BTreeMap;

use super::{Stream, Wire};

#[derive(Debug)]
pub(crate) struct Scgi;

#[derive(Debug)]
pub(crate) struct Uwsgi;

impl Wire for Scgi {
    type Codec = rsgi_gateway::codec::Scgi;
    const KEEPS: bool = false;

    fn head(variables: &[(String, String)]) -> Vec<u8> {
        let strings: Vec<u8> =
            variables.iter().flat_map(|(name, value)| format!("{name}\0{value}\0").into_bytes()).collect();
        [format!("{}:", strings.len()).as_bytes(), &strings, b","].concat()
    }

    fn content(piece: &[u8], _: usize) -> Vec<u8> {
        piece.to_vec()
    }

    fn end() -> Vec<u8> {
        Vec::new()
    }

    fn sort(came: &mut Vec<u8>, streams: &mut BTreeMap<u16, Stream>) {
        streams.entry(1).or_default().out.append(came);
    }
}

impl Wire for Uwsgi {
    type Codec = rsgi_gateway::codec::Uwsgi;
    const KEEPS: bool = false;

    fn head(variables: &[(String, String)]) -> Vec<u8> {
        let mut pairs = Vec::new();
        for text in variables.iter().flat_map(|(name, value)| [name, value]) {
            pairs.extend(u16::try_from(text.len()).unwrap().to_le_bytes());
            pairs.extend(text.bytes());
        }
        let [low, high] = u16::try_from(pairs.len()).unwrap().to_le_bytes();
        [&[0, low, high, 0][..], &pairs].concat()
    }

    fn content(piece: &[u8], _: usize) -> Vec<u8> {
        piece.to_vec()
    }

    fn end() -> Vec<u8> {
        Vec::new()
    }

    fn sort(came: &mut Vec<u8>, streams: &mut BTreeMap<u16, Stream>) {
        Scgi::sort(came, streams);
    }
}

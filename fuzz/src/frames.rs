//! Bytes of a fuzzer's input to HTTP/2 frames: a preface, then a step for each few bytes.
//!
//! Most steps give frames that are well formed, so that the fuzzer gets past the first check; some give raw ones, and one
//! repeats the step before it, as a flood would. Header blocks are literal, or the input's own bytes.
//!
//! Invariant: the bytes it makes are bounded, whatever the input says. Next: `fuzz_targets/http2.rs`.

/// Makes the bytes that a client sends.
pub fn program(input: &[u8]) -> Vec<u8> {
    let mut steps = Steps { input, stream: 1, last: Vec::new() };
    let mut wire = PREFACE.to_vec();
    wire.extend_from_slice(&frame(4, 0, 0, &[]));
    while wire.len() < MOST
        && let Some(next) = steps.next_step()
    {
        wire.extend_from_slice(&next);
    }
    wire.truncate(MOST);
    wire
}

/// What is left of the input.
struct Steps<'a> {
    input: &'a [u8],
    /// The stream that the next request opens.
    stream: u32,
    last: Vec<u8>,
}

impl Steps<'_> {
    fn next_step(&mut self) -> Option<Vec<u8>> {
        let step = self.byte()?;
        let bytes = match step % 14 {
            0 => self.request(5, GET),
            1 => self.request(4, POST),
            2 => {
                let end = self.byte()? & 1;
                let stream = self.stream_before();
                frame(0, end, stream, self.payload())
            }
            3 => frame(3, 0, self.stream_before(), &[0, 0, 0, self.byte()?]),
            4 => {
                let (name, value) = (self.byte()?, [self.byte()?, self.byte()?]);
                frame(4, 0, 0, &[0, name % 10, 0, value[0], value[1], 0xff])
            }
            5 => frame(6, self.byte()? & 1, 0, &[step; 8]),
            6 => {
                let flags = self.byte()?;
                let stream = self.stream_before();
                frame(9, flags, stream, self.payload())
            }
            7 => {
                let stream = if self.byte()? & 1 == 0 { 0 } else { self.stream_before() };
                frame(8, 0, stream, &[self.byte()?, 0, 0, self.byte()?])
            }
            8 => frame(7, 0, 0, &[0, 0, 0, 0, 0, 0, 0, self.byte()?]),
            9 => frame(2, 0, self.stream_before(), &[0, 0, 0, self.byte()?, 7]),
            10 => {
                let flags = self.byte()?;
                let block = self.payload().to_vec();
                self.request(flags, &block)
            }
            11 => {
                let (kind, flags, stream) = (self.byte()?, self.byte()?, self.byte()?);
                frame(kind, flags, u32::from(stream), self.payload())
            }
            12 => {
                let times = usize::from(self.byte()?) * 4;
                return Some(self.last.repeat(times.min(MOST / self.last.len().max(1))));
            }
            _ => self.payload().to_vec(),
        };
        self.last.clone_from(&bytes);
        Some(bytes)
    }

    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.input.split_first()?;
        self.input = rest;
        Some(*first)
    }

    /// So many bytes as the next one says.
    fn payload(&mut self) -> &[u8] {
        let length = usize::from(self.byte().unwrap_or(0)).min(self.input.len());
        let (payload, rest) = self.input.split_at(length);
        self.input = rest;
        payload
    }

    /// A head on a stream of its own.
    fn request(&mut self, flags: u8, block: &[u8]) -> Vec<u8> {
        let bytes = frame(1, flags, self.stream, block);
        self.stream += 2;
        bytes
    }

    fn stream_before(&self) -> u32 {
        self.stream.saturating_sub(2).max(1)
    }
}

/// One frame (RFC 9113 4.1).
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap_or(u32::MAX).to_be_bytes();
    let mut bytes = length[1..].to_vec();
    bytes.extend_from_slice(&[kind, flags]);
    bytes.extend_from_slice(&stream.to_be_bytes());
    bytes.extend_from_slice(payload);
    bytes
}

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// `GET / http` to the authority `a`, by the static table of RFC 7541.
const GET: &[u8] = &[0x82, 0x84, 0x86, 0x41, 1, b'a'];
/// The same as a POST.
const POST: &[u8] = &[0x83, 0x84, 0x86, 0x41, 1, b'a'];
/// Bytes sent at most: less than what a socket holds, so that writing never waits for reading.
const MOST: usize = 48 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_become_frames_and_floods_are_bounded() {
        let wire = program(&[0, 5, 1]);
        let behind = &wire[PREFACE.len() + 9..];
        assert_eq!(behind[..9], [0, 0, 6, 1, 5, 0, 0, 0, 1]);
        assert_eq!(behind[15..24], [0, 0, 8, 6, 1, 0, 0, 0, 0]);
        assert!(program(&[5, 0, 12, 255, 12, 255, 12, 255]).len() <= MOST);
        assert_eq!(program(&[]).len(), PREFACE.len() + 9);
    }
}

//! The bytes that a client gets, cut into answers.
//!
//! A client of its own, as strict as it can be: what a server writes must be readable without guessing. It needs to
//! be told which methods were asked, for an answer to HEAD has no content.
//!
//! Invariant: it never reads past an answer's declared length. Next: `ground.rs`.

/// One answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The content; of a server's own answer, the rule that was broken.
    pub content: String,
    /// Whether it says that the connection ends.
    pub closes: bool,
}

impl Answer {
    /// Returns the status's class: 2 for 2xx.
    pub fn class(&self) -> u16 {
        self.status / 100
    }
}

/// Takes the bytes apart; `methods` are those of the requests, in order. Interim answers are left out.
///
/// # Errors
///
/// What is wrong with the bytes.
pub fn read(bytes: &[u8], methods: &[Vec<u8>]) -> Result<Vec<Answer>, String> {
    let mut answers: Vec<Answer> = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let end = rest.windows(4).position(|window| window == b"\r\n\r\n").ok_or("a head without end")?;
        let head = String::from_utf8_lossy(&rest[..end]).into_owned();
        rest = &rest[end + 4..];
        let (status, length, closes) = read_head(&head)?;
        if status < 200 {
            continue;
        }
        let is_head = methods.get(answers.len()).is_some_and(|method| method == b"HEAD");
        let length = if is_head || status == 204 || status == 304 { 0 } else { length.ok_or("no length")? };
        // A server may not know the method of what it refuses itself.
        let is_refused_head = methods.get(answers.len()).is_none() && rest.is_empty();
        if rest.len() < length && !is_refused_head {
            return Err(format!("{length} bytes announced, {} there", rest.len()));
        }
        let (content, behind) = rest.split_at(length.min(rest.len()));
        rest = behind;
        answers.push(Answer { status, content: String::from_utf8_lossy(content).trim().to_owned(), closes });
    }
    Ok(answers)
}

/// The status, the length if there is one, and whether the connection ends.
fn read_head(head: &str) -> Result<(u16, Option<usize>, bool), String> {
    let mut lines = head.split("\r\n");
    let line = lines.next().unwrap_or_default();
    let rest = line.strip_prefix("HTTP/1.1 ").or_else(|| line.strip_prefix("HTTP/1.0 "));
    let rest = rest.ok_or_else(|| format!("no status line: {line:?}"))?;
    let status = rest.get(..3).and_then(|digits| digits.parse().ok());
    let status =
        status.filter(|status| (100..600).contains(status)).ok_or_else(|| format!("no status: {line:?}"))?;
    let (mut length, mut closes) = (None, false);
    for line in lines {
        let (name, value) = line.split_once(':').ok_or_else(|| format!("no field: {line:?}"))?;
        match (name.to_ascii_lowercase().as_str(), value.trim()) {
            ("content-length", value) => {
                let number = value.parse().map_err(|_| format!("no length: {line:?}"))?;
                if length.replace(number).is_some() {
                    return Err("two lengths".to_owned());
                }
            }
            ("connection", value) => closes |= value.eq_ignore_ascii_case("close"),
            ("transfer-encoding", _) => return Err("a chunked answer to what has a length".to_owned()),
            _ => {}
        }
    }
    Ok((status, length, closes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_cut_where_their_lengths_say() {
        let bytes = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi\
                      HTTP/1.1 200 OK\r\ncontent-length: 9\r\nconnection: close\r\n\r\n";
        let answers = read(bytes, &[b"GET".to_vec(), b"HEAD".to_vec()]).unwrap();
        let got: Vec<_> = answers.iter().map(|it| (it.status, it.content.as_str(), it.closes)).collect();
        assert_eq!(got, [(200, "hi", false), (200, "", true)]);
    }

    #[test]
    fn what_a_client_would_have_to_guess_is_an_error() {
        for bytes in [
            "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nh",
            "HTTP/1.1 200 OK\r\n\r\n",
            "HTTP/1.1 2x0 OK\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: 0\r\ncontent-length: 0\r\n\r\n",
        ] {
            assert!(read(bytes.as_bytes(), &[b"GET".to_vec()]).is_err(), "{bytes:?}");
        }
    }
}

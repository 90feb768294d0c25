//! Text from outside in a line: nothing of it can end the line, forge another, or move a terminal's cursor.
//!
//! Three ways for three readers: a message keeps its letters, an access log's value is plain ASCII, JSON follows its own
//! grammar. Each takes the most bytes it may write of the value; what is left out is said as `...(+N)`.

/// Stands for no limit.
pub const WHOLE: usize = usize::MAX;

/// The limits to try, one after the other, until a line fits its output.
pub const SHORTER: [usize; 5] = [1024, 256, 64, 16, 0];

/// Writes a message: letters of any script as they are, and what would be taken for the line's end or a terminal's
/// order as an escape.
pub fn message(line: &mut Vec<u8>, text: &str, most: usize) {
    let shown = &text[..text.floor_char_boundary(most)];
    for character in shown.chars() {
        one(line, character);
    }
    left_out(line, text.len() - shown.len());
}

/// Writes a field's value: as a message, in quotes unless it is a plain word.
pub fn value(line: &mut Vec<u8>, text: &str, most: usize) {
    if !text.is_empty() && text.chars().all(is_plain) {
        return message(line, text, most);
    }
    let shown = &text[..text.floor_char_boundary(most)];
    line.push(b'"');
    for character in shown.chars() {
        if matches!(character, '"' | '\\') {
            line.push(b'\\');
        }
        one(line, character);
    }
    left_out(line, text.len() - shown.len());
    line.push(b'"');
}

/// Writes a value of an access log, where it stands between quotes: visible ASCII, the rest as `\xHH`, as Apache and
/// nginx have it.
pub fn visible(line: &mut Vec<u8>, bytes: &[u8], most: usize) {
    let shown = &bytes[..bytes.len().min(most)];
    let mut rest = shown;
    // In runs: nearly all values are plain from end to end.
    while let Some(place) = rest.iter().position(|byte| !is_visible(*byte)) {
        line.extend_from_slice(&rest[..place]);
        match rest[place] {
            byte @ (b'"' | b'\\') => line.extend_from_slice(&[b'\\', byte]),
            byte => hex(line, byte),
        }
        rest = &rest[place + 1..];
    }
    line.extend_from_slice(rest);
    left_out(line, bytes.len() - shown.len());
}

/// Writes a value that stands between spaces, so that it can't be taken for two.
pub fn word(line: &mut Vec<u8>, bytes: &[u8], most: usize) {
    let start = line.len();
    visible(line, bytes, most);
    if line[start..].contains(&b' ') {
        let spaced = line.split_off(start);
        for byte in spaced {
            if byte == b' ' { hex(line, byte) } else { line.push(byte) }
        }
    }
}

/// Writes a string of JSON with its quotes (RFC 8259 section 7); bytes that are no UTF-8 become U+FFFD.
pub fn json(line: &mut Vec<u8>, bytes: &[u8], most: usize) {
    line.push(b'"');
    let shown = &bytes[..boundary(bytes, most)];
    if shown.iter().all(|byte| is_visible(*byte)) {
        line.extend_from_slice(shown);
    } else {
        for chunk in shown.utf8_chunks() {
            chunk.valid().chars().for_each(|character| one_of_json(line, character));
            if !chunk.invalid().is_empty() {
                line.extend_from_slice("\u{fffd}".as_bytes());
            }
        }
    }
    left_out(line, bytes.len() - shown.len());
    line.push(b'"');
}

/// Where to cut bytes that are mostly UTF-8 so as not to break a letter.
fn boundary(bytes: &[u8], most: usize) -> usize {
    if bytes.len() <= most {
        return bytes.len();
    }
    let is_inside = |place: usize| bytes[place] & 0b1100_0000 == 0b1000_0000;
    (most.saturating_sub(3)..=most).rev().find(|place| !is_inside(*place)).unwrap_or(most)
}

fn left_out(line: &mut Vec<u8>, bytes: usize) {
    if bytes > 0 {
        line.extend_from_slice(b"...(+");
        super::stamp::number(line, bytes as u64);
        line.push(b')');
    }
}

fn one(line: &mut Vec<u8>, character: char) {
    match character {
        '\n' => line.extend_from_slice(b"\\n"),
        '\r' => line.extend_from_slice(b"\\r"),
        '\t' => line.extend_from_slice(b"\\t"),
        _ if is_control(character) => match u8::try_from(character) {
            Ok(byte) => hex(line, byte),
            Err(_) => line.extend_from_slice(character.escape_unicode().to_string().as_bytes()),
        },
        _ => line.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
    }
}

fn one_of_json(line: &mut Vec<u8>, character: char) {
    match character {
        '"' => line.extend_from_slice(b"\\\""),
        '\\' => line.extend_from_slice(b"\\\\"),
        '\n' => line.extend_from_slice(b"\\n"),
        '\r' => line.extend_from_slice(b"\\r"),
        '\t' => line.extend_from_slice(b"\\t"),
        // All of these lie in the first plane.
        _ if is_control(character) => {
            let code = u32::from(character);
            line.extend_from_slice(b"\\u");
            line.extend([12, 8, 4, 0].map(|shift| HEX[(code >> shift & 0xf) as usize]));
        }
        _ => line.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
    }
}

fn hex(line: &mut Vec<u8>, byte: u8) {
    line.extend_from_slice(&[b'\\', b'x', HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 0xf)]]);
}

fn is_visible(byte: u8) -> bool {
    matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\')
}

fn is_plain(character: char) -> bool {
    !is_control(character) && !character.is_whitespace() && !matches!(character, '"' | '\\' | '=')
}

/// What ends a line somewhere, gives a terminal orders, or shows text in another order than it has.
fn is_control(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{2028}' | '\u{2029}')
        || matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

const HEX: &[u8; 16] = b"0123456789abcdef";

#[cfg(test)]
mod tests {
    use super::*;

    fn made(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut line = Vec::new();
        write(&mut line);
        String::from_utf8(line).unwrap()
    }

    #[test]
    fn no_character_ends_a_line_or_gives_a_terminal_an_order() {
        for character in ('\0'..='\u{2100}').filter(|character| is_control(*character)) {
            let text = character.to_string();
            let all = [
                made(|line| message(line, &text, WHOLE)),
                made(|line| value(line, &text, WHOLE)),
                made(|line| visible(line, text.as_bytes(), WHOLE)),
                made(|line| json(line, text.as_bytes(), WHOLE)),
            ];
            for escaped in all {
                assert!(
                    escaped.bytes().all(|byte| (b' '..=b'~').contains(&byte)),
                    "{character:?}: {escaped}"
                );
            }
        }
    }

    #[test]
    fn a_message_keeps_its_letters() {
        assert_eq!(made(|line| message(line, "größe: 中 \"a\\b\"", WHOLE)), "größe: 中 \"a\\b\"");
        assert_eq!(
            made(|line| message(line, "a\r\nb\t\u{1b}[2J\u{202e}", WHOLE)),
            "a\\r\\nb\\t\\x1b[2J\\u{202e}"
        );
    }

    #[test]
    fn a_value_is_quoted_where_it_could_be_taken_for_two() {
        assert_eq!(made(|line| value(line, "plain", WHOLE)), "plain");
        assert_eq!(made(|line| value(line, "", WHOLE)), "\"\"");
        assert_eq!(made(|line| value(line, "a b", WHOLE)), "\"a b\"");
        assert_eq!(made(|line| value(line, "a=b", WHOLE)), "\"a=b\"");
        assert_eq!(made(|line| value(line, "say \"x\\\"\n", WHOLE)), "\"say \\\"x\\\\\\\"\\n\"");
    }

    #[test]
    fn a_value_of_an_access_log_is_visible_ascii_whatever_it_was() {
        let every: Vec<u8> = (0..=255).collect();
        let escaped = made(|line| visible(line, &every, WHOLE));
        assert!(escaped.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{escaped}");
        assert_eq!(made(|line| visible(line, b"a\"b\\c\r\nd\xff", WHOLE)), "a\\\"b\\\\c\\x0d\\x0ad\\xff");
    }

    #[test]
    fn a_quote_is_never_left_unescaped() {
        for text in ["\"", "\\\"", "\\", "a\"b\\", "\\\\\"\""] {
            let escaped = made(|line| visible(line, text.as_bytes(), WHOLE));
            let unescaped = escaped.replace("\\\\", "").replace("\\\"", "");
            assert!(!unescaped.contains(['"', '\\']), "{escaped}");
        }
    }

    #[test]
    fn a_word_has_no_space_in_it() {
        assert_eq!(made(|line| word(line, b"a b \"", WHOLE)), "a\\x20b\\x20\\\"");
        assert_eq!(made(|line| word(line, b"plain", WHOLE)), "plain");
    }

    #[test]
    fn json_is_read_back_as_it_was() {
        for text in ["", "plain", "a\"b\\c/d", "\0\u{1}\u{7f}\u{85}\u{2028}\u{202e}", "größe 中 😀", "\r\n\t"]
        {
            let written = made(|line| json(line, text.as_bytes(), WHOLE));
            assert_eq!(serde_json::from_str::<String>(&written).unwrap(), text);
        }
        let broken = made(|line| json(line, b"a\xff\xfeb", WHOLE));
        assert_eq!(serde_json::from_str::<String>(&broken).unwrap(), "a\u{fffd}\u{fffd}b");
    }

    #[test]
    fn what_is_left_out_is_counted_and_no_letter_is_broken() {
        assert_eq!(made(|line| message(line, "größe", 3)), "gr...(+5)");
        assert_eq!(made(|line| visible(line, b"abcdef", 2)), "ab...(+4)");
        assert_eq!(made(|line| value(line, "a b c", 2)), "\"a ...(+3)\"");
        let written = made(|line| json(line, "größe".as_bytes(), 3));
        assert_eq!(serde_json::from_str::<String>(&written).unwrap(), "gr...(+5)");
        assert_eq!(made(|line| json(line, &[0x80; 9], 4)).matches('\u{fffd}').count(), 4);
        assert_eq!(made(|line| message(line, "abc", 3)), "abc");
    }
}

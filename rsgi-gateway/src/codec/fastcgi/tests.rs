//! FastCGI's codec against records made by hand.

use bytes::BytesMut;

use super::*;

#[test]
fn a_request_of_few_records_is_begun_continued_and_ended() {
    let mut input = BytesMut::from(
        &b"\x01\x01\0\x01\0\x08\0\0\0\x01\x01\0\0\0\0\0\
           \x01\x04\0\x01\0\x06\x02\0\x01\x03Abcdpp\
           \x01\x04\0\x01\0\0\0\0\
           \x01\x05\0\x01\0\x03\0\0xyz\
           \x01\x05\0\x01\0\0\0\0"[..],
    );
    let mut codec = FastCgi::default();
    let bounds = Bounds::default();
    let Ok(Some(Event::Begin { id: 1, variables })) = codec.decode(&mut input, &bounds) else { panic!() };
    assert_eq!(variables.get("A"), Some(&b"bcd"[..]));
    let Ok(Some(Event::Content { id: 1, bytes })) = codec.decode(&mut input, &bounds) else { panic!() };
    assert_eq!(bytes, "xyz");
    assert!(matches!(codec.decode(&mut input, &bounds), Ok(Some(Event::End { id: 1 }))));
    assert!(matches!(codec.decode(&mut input, &bounds), Ok(None)));
    let mut out = Out::default();
    assert_eq!(codec.end(1, Ending::Whole, &mut out), After::Keep);
    assert!(codec.is_idle());
}

//! tonic: its own client over HTTP/2, and what is left of gRPC over HTTP/1.1 and FastCGI.

use rsgi_frameworks::greeter::greeter_client::GreeterClient;
use rsgi_frameworks::greeter::{Greeting, Name};
use rsgi_test::Client;
use tonic::Code;
use tonic::transport::Channel;

use crate::child::Child;
use crate::fastcgi;

const PROGRAM: &str = env!("CARGO_BIN_EXE_tonic");

#[test]
fn over_http2_tonics_client_gets_answers_streams_and_statuses() {
    for arguments in [&[][..], &["-w", "2"]] {
        let child = Child::start(PROGRAM, "hyper", arguments);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let channel = Channel::from_shared(format!("http://{}", child.address)).unwrap();
            let mut client = GreeterClient::new(channel.connect().await.unwrap());
            let answer = client.greet(name("ada")).await.unwrap();
            assert_eq!(answer.into_inner().text, "hello ada");

            let refused = client.greet(name("")).await.unwrap_err();
            assert_eq!((refused.code(), refused.message()), (Code::InvalidArgument, "whom?"));

            let mut stream = client.count(name("ada")).await.unwrap().into_inner();
            for number in 1..=3 {
                assert_eq!(stream.message().await.unwrap().unwrap().text, format!("{number} ada"));
            }
            let end = stream.message().await.unwrap_err();
            assert_eq!((end.code(), end.message()), (Code::ResourceExhausted, "three are enough"));
        });
        drop(runtime);
        child.end();
    }
}

#[test]
fn an_unknown_method_is_unimplemented_as_under_tonics_own_server() {
    let child = Child::start(PROGRAM, "hyper", &[]);
    let client = Client::live_http2(&format!("http://{}", child.address)).unwrap();
    let answer = call(&client, "/greeter.Greeter/Sing", "application/grpc", &message("ada"));
    assert_eq!((answer.status(), answer.field("grpc-status")), (200, Some("12")));
    child.end();
}

#[test]
fn over_http1_plain_grpc_has_its_message_and_no_status() {
    // tonic announces no trailers, and on HTTP/1.1 only those go out that the head announced.
    for server in SERVERS {
        let child = Child::start(PROGRAM, server, &[]);
        let client = child.client().default_header("connection", "te");
        let answer = call(&client, "/greeter.Greeter/Greet", "application/grpc", &message("ada"));
        assert_eq!((answer.status(), &**answer.body()), (200, &*message("hello ada")), "{server}");
        assert!(answer.trailers().is_none() && answer.field("grpc-status").is_none(), "{server}");
        // A refusal before the first message is a head of its own, which has the status.
        let answer = call(&client, "/greeter.Greeter/Greet", "application/grpc", &message(""));
        assert_eq!((answer.status(), answer.field("grpc-status")), (200, Some("3")), "{server}");
        child.end();
    }
}

#[test]
fn grpc_web_works_over_http1_and_fastcgi() {
    // PROTOCOL-WEB of gRPC: the message's frame, then a frame of trailers, whose first byte is 0x80.
    let expected = [&*message("hello ada"), b"\x80\0\0\0\x0fgrpc-status:0\r\n"].concat();
    let kind = "application/grpc-web+proto";
    for server in SERVERS {
        let child = Child::start(PROGRAM, server, &[]);
        let answer = call(&child.client(), "/web/greeter.Greeter/Greet", kind, &message("ada"));
        assert_eq!((answer.status(), &**answer.body()), (200, &*expected), "{server}");
        child.end();

        let child = Child::start(PROGRAM, server, &["--protocol", "fastcgi"]);
        let kind = [("CONTENT_TYPE", kind), ("HTTP_X_GRPC_WEB", "1")];
        let answer = fastcgi::ask(&child, "POST", "/web/greeter.Greeter/Greet", &kind, &message("ada"));
        assert!(answer.ends_with(&expected), "{server}: {}", answer.escape_ascii());
        child.end();
    }
}

#[test]
fn by_fastcgi_plain_grpc_has_its_message_and_no_status() {
    let child = Child::start(PROGRAM, "std", &["--protocol", "fastcgi"]);
    let kind = [("CONTENT_TYPE", "application/grpc"), ("HTTP_TE", "trailers")];
    let answer = fastcgi::ask(&child, "POST", "/greeter.Greeter/Greet", &kind, &message("ada"));
    assert!(answer.ends_with(&message("hello ada")), "{}", answer.escape_ascii());
    assert!(!answer.escape_ascii().to_string().contains("grpc-status"));
    child.end();
}

const SERVERS: [&str; 2] = ["std", "hyper"];

fn call(client: &Client, path: &str, kind: &str, message: &[u8]) -> rsgi_test::Answer {
    let request = client.post(path).header("content-type", kind).header("te", "trailers");
    request.body(message.to_vec()).answer()
}

/// A message in its frame: not compressed, its length, its content. `Name` and `Greeting` are alike in protobuf.
fn message(text: &str) -> Vec<u8> {
    let content = prost::Message::encode_to_vec(&Greeting { text: text.to_owned() });
    [&[0][..], &u32::try_from(content.len()).unwrap().to_be_bytes(), &content].concat()
}

fn name(name: &str) -> Name {
    Name { name: name.to_owned() }
}

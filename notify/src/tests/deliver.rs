use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::thread::JoinHandle;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use insta::assert_snapshot;
use sha2::Sha256;

use super::{message, noon};
use crate::{Delivery, Format, NotifyError, Options, Retry, Target, render, send};

const KEY: &[u8] = b"a key for this test alone";

/// What one request held: its headers in lower case, and its body.
struct Request {
    head: String,
    body: String,
}

impl Request {
    fn header(&self, name: &str) -> &str {
        let prefix = format!("{name}: ");
        self.head.lines().find_map(|line| line.strip_prefix(&prefix)).unwrap_or_default()
    }
}

/// Answers one request, and gives it back.
fn receiver(answer: &'static str) -> (String, JoinHandle<Request>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/hook/s3cret?token=s3cret", listener.local_addr().unwrap());
    let thread = std::thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        let mut reader = BufReader::new(stream);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert_ne!(reader.read_line(&mut head).unwrap(), 0, "cut off after {head}");
        }
        let lower = head.lines().map(|line| match line.split_once(": ") {
            Some((name, value)) => format!("{}: {value}\n", name.to_ascii_lowercase()),
            None => format!("{line}\n"),
        });
        let mut request = Request { head: lower.collect(), body: String::new() };
        let length: usize = request.header("content-length").parse().unwrap();
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        request.body = String::from_utf8(body).unwrap();
        reader.into_inner().write_all(answer.as_bytes()).unwrap();
        request
    });
    (address, thread)
}

fn options() -> Options {
    Options { allow_loopback: true, allow_plain_http: true, ..Options::default() }
}

#[expect(clippy::unwrap_in_result, reason = "a test without a runtime must fail")]
fn deliver(target: &Target, options: &Options) -> Result<(), NotifyError> {
    let body = render(&message(), Format::Generic);
    let delivery = Delivery { id: "msg_1".to_owned(), now: noon(), body };
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(send(target, &delivery, options))
}

fn error_of(answer: &'static str) -> NotifyError {
    let (address, thread) = receiver(answer);
    let result = deliver(&Target::parse(&address, None).unwrap(), &options());
    thread.join().unwrap();
    let error = result.unwrap_err();
    assert!(!format!("{error} {error:?}").contains("s3cret"), "{error:?}");
    error
}

#[test]
fn a_signed_delivery_can_be_verified() {
    let (address, thread) = receiver("HTTP/1.1 204 No Content\r\n\r\n");
    let key = format!("whsec_{}", STANDARD.encode(KEY));
    deliver(&Target::parse(&address, Some(&key)).unwrap(), &options()).unwrap();
    let request = thread.join().unwrap();
    assert!(request.head.starts_with("POST /hook/s3cret?token=s3cret HTTP/1.1\n"));
    assert_eq!(request.header("content-type"), "application/json");
    assert_eq!(request.header("webhook-id"), "msg_1");
    assert_eq!(request.header("webhook-timestamp"), "1795694400");
    assert_eq!(request.body, render(&message(), Format::Generic));
    let mut mac = <Hmac<Sha256> as Mac>::new_from_slice(KEY).unwrap();
    mac.update(format!("msg_1.1795694400.{}", request.body).as_bytes());
    let signature = request.header("webhook-signature").strip_prefix("v1,").unwrap().to_owned();
    mac.verify_slice(&STANDARD.decode(signature).unwrap()).unwrap();
}

#[test]
fn a_delivery_without_a_key_is_not_signed() {
    let (address, thread) = receiver("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
    deliver(&Target::parse(&address, None).unwrap(), &options()).unwrap();
    let request = thread.join().unwrap();
    assert!(!request.head.contains("webhook-"), "{}", request.head);
}

#[test]
fn a_busy_receiver_is_tried_again_when_it_says() {
    let error = error_of("HTTP/1.1 429 Slow\r\nretry-after: 30\r\ncontent-length: 0\r\n\r\n");
    assert_eq!(error.retry(), Retry::Later(Some(Duration::from_secs(30))));
    let error = error_of(
        "HTTP/1.1 503 Busy\r\nretry-after: Thu, 26 Nov 2026 12:02:00 GMT\r\ncontent-length: 0\r\n\r\n",
    );
    assert_eq!(error.retry(), Retry::Later(Some(Duration::from_mins(2))));
    let error = error_of("HTTP/1.1 500 Oops\r\nretry-after: 99999999\r\ncontent-length: 0\r\n\r\n");
    assert_eq!(error.retry(), Retry::Later(Some(Duration::from_hours(1))));
    let error = error_of("HTTP/1.1 502 Oops\r\nretry-after: soon\r\ncontent-length: 0\r\n\r\n");
    assert_eq!(error.retry(), Retry::Later(None));
}

#[test]
fn a_refusal_says_what_to_mend_and_is_not_repeated() {
    let error = error_of("HTTP/1.1 404 Not Found\r\ncontent-length: 6\r\n\r\ns3cret");
    assert_eq!((error.retry(), error.reason()), (Retry::Stalled, "ReceiverRefused"));
    assert_snapshot!(error, @"127.0.0.1 answers with status 404: the webhook does not exist any more; make a new one and update the Secret");
    assert_snapshot!(error_of("HTTP/1.1 400 Bad\r\ncontent-length: 0\r\n\r\n"), @"127.0.0.1 answers with status 400: it does not understand the message; check that the format fits the receiver");
}

#[test]
fn redirects_are_not_followed() {
    let error = error_of(
        "HTTP/1.1 307 Moved\r\nlocation: http://127.0.0.1:1/s3cret\r\ncontent-length: 0\r\n\r\n",
    );
    assert_snapshot!(error, @"127.0.0.1 answers with status 307: it redirects, which is not followed; enter the address it redirects to");
}

#[test]
fn an_endless_answer_does_not_matter() {
    let (address, thread) =
        receiver("HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\nand so on");
    deliver(&Target::parse(&address, None).unwrap(), &options()).unwrap();
    thread.join().unwrap();
}

#[test]
fn a_receiver_that_does_not_listen_is_tried_again() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/s3cret", listener.local_addr().unwrap());
    drop(listener);
    let error = deliver(&Target::parse(&address, None).unwrap(), &options()).unwrap_err();
    assert_eq!(error.retry(), Retry::Later(None));
    assert_snapshot!(error, @"127.0.0.1 cannot be reached: the connection fails");
}

#[test]
fn this_machine_and_metadata_services_are_not_contacted() {
    let strict = Options { allow_plain_http: true, ..Options::default() };
    let refused = |address: &str, options: &Options| {
        let target = Target::parse(address, None).unwrap();
        let error = deliver(&target, options).unwrap_err();
        assert_eq!(
            (error.reason(), error.retry()),
            ("AddressRefused", Retry::Stalled),
            "{address}"
        );
    };
    for address in
        ["http://127.0.0.1/", "http://[::1]/", "http://[::ffff:127.0.0.1]/", "http://2130706433/"]
    {
        refused(address, &strict);
    }
    for address in [
        "http://169.254.169.254/latest",
        "http://[fe80::1]/",
        "http://0.0.0.0/",
        "http://[fd00:ec2::254]/",
        "http://[64:ff9b::a9fe:a9fe]/",
        "http://[::ffff:169.254.169.254]/",
    ] {
        refused(address, &options());
    }
}

#[test]
fn plain_http_needs_permission() {
    let target = Target::parse("http://receiver.example/s3cret", None).unwrap();
    let error = deliver(&target, &Options::default()).unwrap_err();
    assert_snapshot!(error, @"the webhook's address must begin with https://, since it is a secret");
}

#[test]
fn a_target_is_checked_and_never_shown() {
    let refusal = |address: &str, key: Option<&str>| {
        let error = Target::parse(address, key).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("s3cret"));
        error.to_string()
    };
    assert_snapshot!(refusal("s3cret", None), @"the webhook's address is not a URL; copy it anew from the receiver");
    assert_snapshot!(refusal("ftp://s3cret.example", None), @"the webhook's address must begin with https://");
    assert_snapshot!(refusal("https://me:s3cret@hooks.example", None), @"the webhook's address must not hold a user or a password");
    assert_snapshot!(refusal("https://hooks.example", Some("s3cret")), @"the webhook's signing key must be whsec_ and 24 to 64 bytes in base64");
    let key = format!("whsec_{}", STANDARD.encode(KEY));
    let target = Target::parse("https://hooks.example/s3cret", Some(&key)).unwrap();
    assert_snapshot!(format!("{target:?}"), @"Target { signed: true, .. }");
}

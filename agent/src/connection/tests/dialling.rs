//! How a connection is made, and what is said where it is not.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivatePkcs8KeyDer;

use super::*;
use crate::connection::token::Token;

/// Asks an address, and returns what is said of it.
async fn asked(address: &str, authorities: Option<&std::path::Path>) -> String {
    let _ = tokio_rustls::rustls::crypto::ring::default_provider().install_default();
    match dial(&address.parse().unwrap(), authorities, &token().await).await {
        Ok(_) => "connected".to_owned(),
        Err(error) => error.to_string(),
    }
}

async fn token() -> Token {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    std::fs::write(&path, "s3cret").unwrap();
    TokenFile::new(path, Duration::from_secs(1)).read().await.unwrap()
}

/// A server that gives one answer to whoever asks.
async fn answering(answer: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.read(&mut [0; 4096]).await;
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    format!("http://{address}")
}

#[tokio::test]
async fn an_answer_that_refuses_is_told_with_its_words_and_what_to_do() {
    for (answer, words) in [
        (
            "HTTP/1.1 401 Unauthorized\r\ncontent-length: 15\r\n\r\ntoken\n expired ",
            vec!["401", "\"token expired\"", "put a new one into its file"],
        ),
        (
            "HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n",
            vec!["403", "gimlet-agent-<environment>"],
        ),
        ("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n", vec!["404", "check the address"]),
        (
            "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n",
            vec!["302", "not sent elsewhere"],
        ),
        ("HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n", vec!["503", "tried again"]),
        ("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", vec!["200"]),
        (
            "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n",
            vec!["does not speak WebSocket"],
        ),
        ("SSH-2.0-OpenSSH\r\n\r\n", vec!["not reached"]),
    ] {
        let said = asked(&answering(answer).await, None).await;
        for word in words {
            assert!(said.contains(word), "{said}");
        }
        assert!(!said.contains("s3cret"), "{said}");
    }
}

#[tokio::test]
async fn a_place_where_nobody_listens_is_told() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let said = asked(&format!("http://{address}"), None).await;
    assert!(said.contains("not reached") && said.contains("refused"), "{said}");
}

#[tokio::test]
async fn over_tls_only_a_trusted_dashboard_is_spoken_to() {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let _ = tokio_rustls::rustls::crypto::ring::default_provider().install_default();
    let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()).into();
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let (acceptor, listener) =
        (TlsAcceptor::from(Arc::new(config)), TcpListener::bind("127.0.0.1:0").await.unwrap());
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            if let Ok(stream) = acceptor.accept(stream).await {
                let _ = tokio_tungstenite::accept_async(stream).await;
            }
        }
    });
    let folder = tempfile::tempdir().unwrap();
    let authorities = folder.path().join("ca.crt");
    std::fs::write(&authorities, made.cert.pem()).unwrap();
    let address = format!("https://localhost:{port}");
    assert_eq!(asked(&address, Some(&authorities)).await, "connected");
    let stranger = asked(&address, None).await;
    assert!(stranger.contains("certificate"), "{stranger}");
    std::fs::write(&authorities, "no PEM").unwrap();
    let unusable = asked(&address, Some(&authorities)).await;
    assert!(unusable.contains("--dashboard-ca"), "{unusable}");
}

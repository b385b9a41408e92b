//! How a connection is made, and what is said where it is not.

use std::path::PathBuf;
use std::sync::Mutex;

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

/// A dashboard with TLS, for a name that is not resolved anywhere; returns its port and authority.
async fn secure(name: &str, folder: &std::path::Path) -> (u16, PathBuf) {
    let _ = tokio_rustls::rustls::crypto::ring::default_provider().install_default();
    let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
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
    let authorities = folder.join("ca.crt");
    std::fs::write(&authorities, made.cert.pem()).unwrap();
    (port, authorities)
}

#[tokio::test]
async fn over_tls_only_a_trusted_dashboard_is_spoken_to() {
    let folder = tempfile::tempdir().unwrap();
    let (port, authorities) = secure("localhost", folder.path()).await;
    let address = format!("https://localhost:{port}");
    assert_eq!(asked(&address, Some(&authorities)).await, "connected");
    let stranger = asked(&address, None).await;
    assert!(stranger.contains("certificate"), "{stranger}");
    std::fs::write(&authorities, "no PEM").unwrap();
    let unusable = asked(&address, Some(&authorities)).await;
    assert!(unusable.contains("--dashboard-ca"), "{unusable}");
}

/// A proxy that takes `CONNECT` from whoever has the password, and leads all to one port.
async fn proxy(to: u16) -> (u16, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&asked);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(stream.read_u8().await.unwrap());
            }
            let head = String::from_utf8(head).unwrap();
            // ada:lovelace
            let known = head.to_lowercase().contains("proxy-authorization: basic ywrhomxvdmvsywnl");
            seen.lock().unwrap().push(head);
            if !known {
                let refusal = b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n";
                stream.write_all(refusal).await.unwrap();
                continue;
            }
            stream.write_all(b"HTTP/1.1 200 Connected\r\n\r\n").await.unwrap();
            tokio::spawn(async move {
                let mut there = TcpStream::connect(("127.0.0.1", to)).await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut stream, &mut there).await;
            });
        }
    });
    (port, asked)
}

/// The environment names the proxy, which belongs to the process: so it is another one that dials.
#[tokio::test]
#[ignore = "the other process of the test about proxies"]
async fn dials_as_the_environment_says() {
    let Some(authorities) = std::env::var_os("DIALLED_AUTHORITIES").map(PathBuf::from) else {
        return;
    };
    let said = asked("https://dashboard.example", Some(&authorities)).await;
    println!("said: {said}");
}

#[tokio::test]
async fn a_proxy_of_the_environment_is_gone_through_with_its_password() {
    const OTHER: &str = "connection::tests::dialling::dials_as_the_environment_says";
    let folder = tempfile::tempdir().unwrap();
    let (to, authorities) = secure("dashboard.example", folder.path()).await;
    let (port, asked) = proxy(to).await;
    let dialled = async |proxy: String, except: &str| {
        let output = tokio::process::Command::new(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", "--nocapture", OTHER])
            .env_clear()
            .env("DIALLED_AUTHORITIES", &authorities)
            .env("HTTPS_PROXY", proxy)
            .env("NO_PROXY", except)
            .output()
            .await
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let said = dialled(format!("http://ada:lovelace@127.0.0.1:{port}"), "").await;
    assert!(said.contains("said: connected"), "{said}");
    let head = asked.lock().unwrap().remove(0);
    assert!(head.starts_with("CONNECT dashboard.example:443 "), "{head}");
    assert!(!head.contains("s3cret"), "the token is not the proxy's: {head}");

    let said = dialled(format!("http://127.0.0.1:{port}"), "").await;
    assert!(said.contains("not reached") && said.contains("proxy"), "{said}");
    assert_eq!(asked.lock().unwrap().len(), 1);
    // Without the proxy there is no way to that name.
    let said = dialled(format!("http://ada:lovelace@127.0.0.1:{port}"), ".example").await;
    assert!(said.contains("not reached"), "{said}");
    assert_eq!(asked.lock().unwrap().len(), 1);
}

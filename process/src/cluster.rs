//! The way to the API server.
//!
//! It is that of kube, but for two things. Of a watch that hears nothing, kube finds out that the other
//! side is gone after about five minutes. And a request that is never answered has no end in kube,
//! where the other side is there and hangs.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::{Request, Response};
use hyper_util::client::legacy::Client as Sender;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use kube::client::retry::RetryPolicy;
use kube::client::{Body, ConfigExt as _};
use kube::{Client, Config};
use tower::retry::RetryLayer;
use tower::{BoxError, Service, ServiceBuilder};

const PATIENCE: Patience = Patience {
    answer: Duration::from_secs(75),
    idle: Duration::from_secs(15),
    again: Duration::from_secs(5),
    tries: 3,
};

/// Makes a client that notices within half a minute that the API server is gone without a word.
///
/// # Errors
///
/// The configuration is none that leads to a cluster.
pub fn client(config: Config) -> kube::Result<Client> {
    patient(config, PATIENCE)
}

/// How long the API server may say nothing.
#[derive(Clone, Copy)]
struct Patience {
    /// Until an answer has to begin. The API server itself ends what takes it a minute, unless it is
    /// meant to last.
    answer: Duration,
    /// After so long without a word the kernel asks whether the other side is still there,
    idle: Duration,
    /// and again so often,
    again: Duration,
    /// and after so many questions without an answer the connection is over.
    tries: u32,
}

fn patient(config: Config, patience: Patience) -> kube::Result<Client> {
    // Which connections lead through which proxy is kube's own affair.
    if config.proxy_url.is_some() {
        return Client::try_from(config);
    }
    let mut connector = HttpConnector::new();
    connector.enforce_http(false);
    connector.set_connect_timeout(config.connect_timeout);
    connector.set_keepalive(Some(patience.idle));
    connector.set_keepalive_interval(Some(patience.again));
    connector.set_keepalive_retries(Some(patience.tries));
    // While something is on its way nothing is asked: that it does not arrive says as much.
    #[cfg(target_os = "linux")]
    connector.set_tcp_user_timeout(Some(patience.idle + patience.again * patience.tries));
    let connector = config.rustls_https_connector_with_connector(connector)?;
    let retry = config.default_retry.then(|| RetryLayer::new(RetryPolicy::server_retry()));
    let service = ServiceBuilder::new()
        .layer(config.base_uri_layer())
        .option_layer(retry)
        .option_layer(config.auth_layer()?)
        .layer(config.extra_headers_layer()?)
        .layer_fn(|inner| Answered { inner, within: patience.answer })
        .service(Sender::builder(TokioExecutor::new()).build::<_, Body>(connector));
    Ok(Client::new(service, config.default_namespace))
}

/// Ends requests whose answer does not begin in time.
#[derive(Clone)]
struct Answered<S> {
    inner: S,
    within: Duration,
}

impl<S, B> Service<Request<Body>> for Answered<S>
where
    S: Service<
            Request<Body>,
            Response = Response<B>,
            Error: Into<BoxError>,
            Future: Send + 'static,
        >,
{
    type Response = Response<B>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Response<B>, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let (lasts, within) = (lasts(&request), self.within);
        let what = format!("{} {}", request.method(), request.uri().path());
        let answer = self.inner.call(request);
        Box::pin(async move {
            if lasts {
                return answer.await.map_err(Into::into);
            }
            let late = |_| format!("the API server did not answer {what} within {within:?}");
            tokio::time::timeout(within, answer).await.map_err(late)?.map_err(Into::into)
        })
    }
}

/// Tells whether a request is one whose answer may begin at any time: the log of a container that has
/// nothing to say, a connection that is handed over. That of a watch begins before its first event.
fn lasts(request: &Request<Body>) -> bool {
    let mut asked = request.uri().query().unwrap_or_default().split('&');
    asked.any(|asked| asked == "follow=true")
        || request.headers().contains_key(hyper::header::UPGRADE)
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::*;
    use std::net::SocketAddr;

    use futures::StreamExt as _;
    use k8s_openapi::api::core::v1::Pod;
    use kube::Api;
    use kube::api::WatchParams;
    use socket2::{SockFilter, SockRef};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    /// Finds when the kernel looks after a silent connection next, in parts of a second.
    fn looks_after(own: SocketAddr) -> Option<u64> {
        let SocketAddr::V4(own) = own else { panic!("{own} is none of the table") };
        let own = format!("{:08X}:{:04X}", u32::from(*own.ip()).swap_bytes(), own.port());
        let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
        let mut lines = table.lines().map(str::split_ascii_whitespace);
        let mut line = lines.find(|line| line.clone().nth(1) == Some(own.as_str()))?;
        let (kind, due) = line.nth(5)?.split_once(':')?;
        // The one of keepalive; there is another one while something is on its way.
        (kind == "02").then(|| u64::from_str_radix(due, 16).unwrap())
    }

    #[tokio::test]
    async fn the_kernel_looks_whether_a_silent_api_server_is_still_there() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let client = client(Config::new(address.parse().unwrap())).unwrap();
        let asks = tokio::spawn(async move { client.apiserver_version().await });
        let (mut server, own) = listener.accept().await.unwrap();
        let mut request = [0; 1024];
        let read = server.read(&mut request).await.unwrap();
        assert!(request[..read].starts_with(b"GET /version"));
        let due = async {
            loop {
                match looks_after(own) {
                    Some(due) => return due,
                    None => tokio::task::yield_now().await,
                }
            }
        };
        let due = tokio::time::timeout(Duration::from_secs(10), due).await.unwrap();
        assert!(due <= PATIENCE.idle.as_secs() * 100, "{due}");
        asks.abort();
    }

    /// The watch of a client at whose other end the network begins to drop all that comes.
    #[tokio::test]
    async fn a_watch_ends_when_the_network_drops_everything() {
        const DROP: SockFilter = SockFilter::new(0x06, 0, 0, 0);
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let second = Duration::from_secs(1);
        let soon = Patience { idle: second, again: second, tries: 2, ..PATIENCE };
        let client = patient(Config::new(address.parse().unwrap()), soon).unwrap();
        let watch = tokio::spawn(async move {
            let pods: Api<Pod> = Api::namespaced(client, "shop");
            let mut events = pods.watch(&WatchParams::default(), "0").await?.boxed();
            while let Some(event) = events.next().await {
                event?;
            }
            Ok::<_, kube::Error>(())
        });
        let (mut server, _) = listener.accept().await.unwrap();
        let mut request = [0; 1024];
        assert_ne!(server.read(&mut request).await.unwrap(), 0);
        server.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await.unwrap();
        SockRef::from(&server).attach_filter(&[DROP]).unwrap();
        let ended = tokio::time::timeout(Duration::from_secs(20), watch).await;
        let error = ended.expect("it ends").unwrap().unwrap_err();
        assert!(format!("{:#}", anyhow::Error::from(error)).contains("timed out"));
    }

    #[tokio::test]
    async fn a_request_that_is_never_answered_ends() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let soon = Patience { answer: Duration::from_millis(50), ..PATIENCE };
        let client = patient(Config::new(address.parse().unwrap()), soon).unwrap();
        let mut silent = Vec::new();
        let error = tokio::select! {
            answer = client.apiserver_version() => answer.unwrap_err(),
            () = async { loop { silent.push(listener.accept().await.unwrap()) } } => unreachable!(),
        };
        let said = format!("{:#}", anyhow::Error::from(error));
        assert!(said.contains("did not answer GET /version within 50ms"), "{said}");
    }

    #[test]
    fn what_lasts_may_begin_at_any_time() {
        let asks = |address: &str| lasts(&Request::get(address).body(Body::empty()).unwrap());
        assert!(asks("/api/v1/namespaces/shop/pods/web/log?tailLines=5&follow=true"));
        assert!(!asks("/api/v1/namespaces/shop/pods/web/log?follow=false"));
        assert!(!asks("/api/v1/pods?watch=true&resourceVersion=7"));
        assert!(!asks("/api/v1/pods"));
        let upgrade = Request::get("/api/v1/namespaces/shop/pods/web/exec");
        let upgrade = upgrade.header("upgrade", "websocket").body(Body::empty()).unwrap();
        assert!(lasts(&upgrade));
    }
}

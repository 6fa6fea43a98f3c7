//! A small HTTP server whose answers a test chooses, and a proxy that breaks answers.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

#[derive(Debug, Clone, Default)]
pub struct Request {
    pub method: String,
    /// With the query.
    pub target: String,
    pub head: String,
}

impl Request {
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    /// `bytes=a-b` as the range a..b+1 of so many bytes.
    pub fn range(&self, size: usize) -> Option<std::ops::Range<usize>> {
        let (start, end) = self
            .header("range")?
            .strip_prefix("bytes=")?
            .split_once('-')?;
        let end = end.parse::<usize>().map_or(size, |end| end + 1);
        Some(start.parse().unwrap()..end.min(size))
    }
}

#[derive(Debug, Clone)]
pub struct Response {
    pub status: &'static str,
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
}

impl Response {
    pub fn of(status: &'static str, body: impl Into<Vec<u8>>) -> Self {
        Self {
            status,
            headers: vec![],
            body: body.into(),
        }
    }

    /// A file, or the wanted range of it.
    pub fn file(request: &Request, bytes: &[u8]) -> Self {
        match request.range(bytes.len()) {
            Some(range) => {
                let place = format!("bytes {}-{}/{}", range.start, range.end - 1, bytes.len());
                Self::of("206 Partial Content", &bytes[range]).with("content-range", place)
            }
            None => Self::of("200 OK", bytes),
        }
    }

    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

/// A server; it ends with the test's runtime.
pub struct Server {
    pub address: String,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Server {
    pub async fn start(answer: impl Fn(&Request) -> Response + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let requests: Arc<Mutex<Vec<Request>>> = Arc::default();
        let (answer, seen) = (Arc::new(answer), Arc::clone(&requests));
        tokio::spawn(async move {
            while let Ok((mut socket, _)) = listener.accept().await {
                let (answer, seen) = (Arc::clone(&answer), Arc::clone(&seen));
                tokio::spawn(async move {
                    let Some(request) = read_request(&mut socket).await else {
                        return;
                    };
                    seen.lock().unwrap().push(request.clone());
                    let response = answer(&request);
                    let mut head = format!("HTTP/1.1 {}\r\nconnection: close\r\n", response.status);
                    head += &format!("content-length: {}\r\n", response.body.len());
                    for (name, value) in &response.headers {
                        head += &format!("{name}: {value}\r\n");
                    }
                    let _ = socket.write_all(format!("{head}\r\n").as_bytes()).await;
                    if request.method != "HEAD" {
                        let _ = socket.write_all(&response.body).await;
                    }
                });
            }
        });
        Self { address, requests }
    }

    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }
}

async fn read_request(socket: &mut TcpStream) -> Option<Request> {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\r\n\r\n") {
        bytes.push(socket.read_u8().await.ok()?);
    }
    let head = String::from_utf8(bytes).unwrap();
    let mut words = head.split(' ');
    Some(Request {
        method: words.next()?.to_string(),
        target: words.next()?.to_string(),
        head: head.clone(),
    })
}

/// What the proxy does with a request instead of passing it on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Fault {
    /// 503.
    Busy,
    /// The connection ends before the answer.
    NoAnswer,
    /// The connection stays open without an answer.
    Silence,
    /// The connection ends after so many bytes of the body.
    Cut(usize),
    /// After so many bytes of the body nothing more comes.
    Stall(usize),
    /// 403 with the service's words.
    Forbidden,
}

/// Passes requests on to another server, except for those that the plan breaks.
pub struct Proxy {
    pub address: String,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    plan: Mutex<VecDeque<(&'static str, Fault)>>,
    /// Bodies that stand still now or did.
    stalled: AtomicUsize,
}

impl Proxy {
    pub async fn start(behind: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let state: Arc<State> = Arc::default();
        let (shared, behind) = (Arc::clone(&state), behind.to_string());
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let (state, behind) = (Arc::clone(&shared), behind.clone());
                tokio::spawn(async move { pass(socket, &behind, &state).await });
            }
        });
        Self { address, state }
    }

    /// The next request whose first line has the text meets the fault, and so on in order.
    pub fn plan(&self, faults: impl IntoIterator<Item = (&'static str, Fault)>) {
        self.state.plan.lock().unwrap().extend(faults);
    }

    /// From now on nothing is broken.
    pub fn clear(&self) {
        self.state.plan.lock().unwrap().clear();
    }

    pub fn stalled(&self) -> usize {
        self.state.stalled.load(Ordering::SeqCst)
    }

    pub fn left(&self) -> usize {
        self.state.plan.lock().unwrap().len()
    }
}

fn next_fault(state: &State, request: &Request) -> Option<Fault> {
    let mut plan = state.plan.lock().unwrap();
    let line = request.head.lines().next().unwrap();
    let (text, fault) = plan.front()?;
    if !line.contains(text) {
        return None;
    }
    let fault = *fault;
    plan.pop_front();
    Some(fault)
}

async fn pass(mut socket: TcpStream, behind: &str, state: &State) -> Option<()> {
    let request = read_request(&mut socket).await?;
    let fault = next_fault(state, &request);
    let said = |status: &str, body: &str| {
        let length = body.len();
        format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}")
    };
    let answer = match fault {
        Some(Fault::Busy) => said(
            "503 Slow Down",
            "<Error><Code>SlowDown</Code><Message>Wait</Message></Error>",
        ),
        Some(Fault::Forbidden) => said(
            "403 Forbidden",
            "<Error><Code>AccessDenied</Code><AWSAccessKeyId>reader</AWSAccessKeyId></Error>",
        ),
        Some(Fault::NoAnswer) => return None,
        Some(Fault::Silence) => return until_closed(&mut socket).await,
        _ => String::new(),
    };
    if !answer.is_empty() {
        return socket.write_all(answer.as_bytes()).await.ok();
    }
    let mut upstream = TcpStream::connect(behind).await.ok()?;
    let head = request
        .head
        .replacen("\r\n", "\r\nconnection: close\r\n", 1);
    upstream.write_all(head.as_bytes()).await.ok()?;
    let mut answer = Vec::new();
    upstream.read_to_end(&mut answer).await.ok()?;
    let body = answer.windows(4).position(|w| w == b"\r\n\r\n")? + 4;
    match fault {
        Some(Fault::Cut(bytes)) => {
            let end = answer.len().min(body + bytes);
            socket.write_all(&answer[..end]).await.ok()
        }
        Some(Fault::Stall(bytes)) => {
            let end = answer.len().min(body + bytes);
            socket.write_all(&answer[..end]).await.ok()?;
            state.stalled.fetch_add(1, Ordering::SeqCst);
            until_closed(&mut socket).await
        }
        _ => socket.write_all(&answer).await.ok(),
    }
}

/// Waits for the client to give up.
async fn until_closed(socket: &mut TcpStream) -> Option<()> {
    socket.read_u8().await.ok().map(|_| ())
}

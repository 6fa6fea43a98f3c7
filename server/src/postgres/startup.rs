//! From a TCP connection to a session: TLS, the startup message, authentication, first parameters.
//!
//! ```text
//!  client                          server
//!  SSLRequest | GSSENCRequest  →   S, and TLS begins | N
//!  CancelRequest               →   (the other connection's statement ends; this one closes)
//!  StartupMessage              →   SASL …                       authenticate.rs
//!                              ←   AuthenticationOk, ParameterStatus…, BackendKeyData, ReadyForQuery
//! ```
//!
//! A direct TLS handshake in place of SSLRequest is taken as well. No byte is read ahead of what is
//! understood, so nothing that came in the clear can pass for what was encrypted.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::{Buf, Bytes};
use pgwire::messages::PgWireBackendMessage as Reply;
use pgwire::messages::startup::{
    Authentication, BackendKeyData, NegotiateProtocolVersion, SecretKey,
};
use quern_engine::{Error, Kind, Result, Role, Session, SessionOptions};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::net::TcpStream;

use super::authenticate::{self, Login};
use super::cancel::CancelKey;
use super::message::{FrameReader, violation};
use super::output::{Gone, Output, Sent};
use super::places::Place;
use super::{Server, parameters};

pub(super) const SSL_REQUEST: u32 = 80_877_103;
const GSSENC_REQUEST: u32 = 80_877_104;
pub(super) const CANCEL_REQUEST: u32 = 80_877_102;
const PROTOCOL_3_0: u32 = 3 << 16;
pub(super) const PROTOCOL_3_2: u32 = PROTOCOL_3_0 + 2;

/// The option of the protocol that asks for Arrow instead of text, and its value; see `arrow.rs`.
pub(super) const ROWS_OPTION: (&str, &str) = ("_pq_.quern_rows", "arrow");

/// First byte of a TLS handshake.
const TLS_HANDSHAKE: u8 = 0x16;

/// As PostgreSQL allows.
const MAX_STARTUP_BYTES: usize = 10_000;

/// A message of somebody who may be anybody.
const MAX_LOGIN_BYTES: usize = 65_535;

pub trait Duplex: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Duplex for T {}

pub type Socket = Box<dyn Duplex>;

/// A session that has begun, and the two directions of its connection.
pub struct Started {
    pub session: Arc<Session>,
    pub input: FrameReader<ReadHalf<Socket>>,
    pub output: Output<WriteHalf<Socket>>,
    pub key: CancelKey,
    /// The client asked for rows as Arrow.
    pub wants_arrow: bool,
    pub place: Place,
}

/// What the first message asks for.
struct Startup {
    protocol: u32,
    parameters: BTreeMap<String, String>,
}

impl Startup {
    fn wants_arrow(&self) -> bool {
        let (name, value) = ROWS_OPTION;
        self.parameters.get(name).is_some_and(|v| v == value)
    }

    /// Options of the protocol that are none of ours.
    fn unknown_options(&self) -> Vec<String> {
        let names = self.parameters.keys().filter(|n| n.starts_with("_pq_."));
        let known = |name: &str| name == ROWS_OPTION.0 && self.wants_arrow();
        names.filter(|n| !known(n)).cloned().collect()
    }
}

/// Answers the client up to the first ReadyForQuery; `None` when there is no session to go on with.
pub async fn start(tcp: TcpStream, server: &Server) -> Sent<Option<Started>> {
    let _ = tcp.set_nodelay(true);
    let address = tcp.peer_addr().map_err(|_| Gone)?;
    let mut first = [0; 1];
    let direct = tcp.peek(&mut first).await.map_err(|_| Gone)? == 1 && first[0] == TLS_HANDSHAKE;
    let mut secure = false;
    let mut socket: Socket = Box::new(tcp);
    if direct {
        socket = encrypt(socket, server, true).await?;
        secure = true;
    }
    let startup = loop {
        let (code, body) = match first_message(&mut socket).await? {
            Ok(message) => message,
            Err(error) => return refuse(socket, &error).await,
        };
        match code {
            SSL_REQUEST if server.tls.is_some() && !secure => {
                answer(&mut socket, b'S').await?;
                socket = encrypt(socket, server, false).await?;
                secure = true;
            }
            SSL_REQUEST | GSSENC_REQUEST => answer(&mut socket, b'N').await?,
            CANCEL_REQUEST => {
                if let Some((process_id, secret)) = body.split_first_chunk::<4>() {
                    server.keys.cancel(i32::from_be_bytes(*process_id), secret);
                }
                return Ok(None);
            }
            protocol => match parse_startup(protocol, body) {
                Ok(startup) => break startup,
                Err(error) => return refuse(socket, &error).await,
            },
        }
    };
    let (read, write) = tokio::io::split(socket);
    let mut input = FrameReader::new(read, MAX_LOGIN_BYTES);
    let mut output = Output::new(write);
    match begin(&startup, server, address, secure, &mut input, &mut output).await? {
        Ok(begun) => {
            input.set_limit(server.engine.settings().max_message_bytes());
            Ok(Some(Started {
                session: begun.session,
                input,
                output,
                key: begun.key,
                place: begun.place,
                wants_arrow: startup.wants_arrow(),
            }))
        }
        Err(error) => {
            output.error(&error, "FATAL");
            output.close().await;
            Ok(None)
        }
    }
}

async fn answer(socket: &mut Socket, byte: u8) -> Sent {
    socket.write_all(&[byte]).await.map_err(|_| Gone)?;
    socket.flush().await.map_err(|_| Gone)
}

async fn encrypt(socket: Socket, server: &Server, direct: bool) -> Sent<Socket> {
    let Some(tls) = &server.tls else {
        return Err(Gone);
    };
    let stream = tls.acceptor.accept(socket).await.map_err(|error| {
        tracing::debug!(%error, "no TLS with a client");
        Gone
    })?;
    // Without it, a direct handshake could be one that was meant for another server.
    if direct && stream.get_ref().1.alpn_protocol() != Some(crate::tls::ALPN) {
        return Err(Gone);
    }
    Ok(Box::new(stream))
}

/// Length, code and body of a message without a type.
async fn first_message(socket: &mut Socket) -> Sent<Result<(u32, Bytes)>> {
    let mut head = [0; 8];
    socket.read_exact(&mut head).await.map_err(|_| Gone)?;
    let length = (&head[..4]).get_u32() as usize;
    let code = (&head[4..]).get_u32();
    if !(8..=MAX_STARTUP_BYTES).contains(&length) {
        return Ok(Err(violation("invalid length of startup packet")));
    }
    let mut body = vec![0; length - 8];
    socket.read_exact(&mut body).await.map_err(|_| Gone)?;
    Ok(Ok((code, body.into())))
}

fn parse_startup(protocol: u32, body: Bytes) -> Result<Startup> {
    if protocol >> 16 != 3 {
        return Err(Error::unsupported(format!(
            "frontend protocol {}.{}",
            protocol >> 16,
            protocol & 0xffff
        ))
        .hint("The server speaks 3.0 to 3.2."));
    }
    let wrong = || violation("invalid startup packet layout: expected terminator as last byte");
    let texts = body.strip_suffix(b"\0").ok_or_else(wrong)?;
    let mut parameters = BTreeMap::new();
    let mut texts = texts.split(|b| *b == 0).map(String::from_utf8_lossy);
    while let Some(name) = texts.next().filter(|name| !name.is_empty()) {
        let value = texts.next().ok_or_else(wrong)?;
        parameters.insert(name.into_owned(), value.into_owned());
    }
    Ok(Startup {
        protocol,
        parameters,
    })
}

/// A client that has no session to take part in.
async fn refuse(socket: Socket, error: &Error) -> Sent<Option<Started>> {
    let mut output = Output::new(socket);
    output.error(error, "FATAL");
    output.close().await;
    Ok(None)
}

struct Begun {
    session: Arc<Session>,
    key: CancelKey,
    place: Place,
}

async fn begin(
    startup: &Startup,
    server: &Server,
    address: std::net::SocketAddr,
    secure: bool,
    input: &mut FrameReader<ReadHalf<Socket>>,
    output: &mut Output<WriteHalf<Socket>>,
) -> Sent<Result<Begun>> {
    negotiate_version(startup, output);
    let user = startup.parameters.get("user").cloned().unwrap_or_default();
    if user.is_empty() {
        let error = Error::new(
            Kind::InvalidAuthorization,
            "no PostgreSQL user name specified in startup packet",
        );
        return Ok(Err(error));
    }
    let login = Login {
        user: &user,
        address,
        secure,
    };
    let role = match authenticate::run(server, &login, input, output).await? {
        Ok(role) => role,
        Err(error) => return Ok(Err(error)),
    };
    let begun = server.places.take(&user, &role).and_then(|place| {
        let (session, key) = session(startup, server, &user, &role, secure)?;
        Ok(Begun {
            session,
            key,
            place,
        })
    });
    if let Ok(Begun { key, .. }) = &begun {
        output.put(Reply::Authentication(Authentication::Ok));
        let secret = match <[u8; 4]>::try_from(key.secret.as_ref()) {
            Ok(short) => SecretKey::I32(i32::from_be_bytes(short)),
            Err(_) => SecretKey::Bytes(key.secret.clone()),
        };
        output.put(Reply::BackendKeyData(BackendKeyData::new(
            key.process_id,
            secret,
        )));
    }
    Ok(begun)
}

/// Tells a client that asks for more than there is what there is.
fn negotiate_version(startup: &Startup, output: &mut Output<WriteHalf<Socket>>) {
    let unknown = startup.unknown_options();
    let known = matches!(startup.protocol, PROTOCOL_3_0 | PROTOCOL_3_2);
    if !known || !unknown.is_empty() {
        let newest = startup.protocol.min(PROTOCOL_3_2) as i32;
        output.put(Reply::NegotiateProtocolVersion(
            NegotiateProtocolVersion::new(newest, unknown),
        ));
    }
}

/// A session with the settings that the client asks for; they are what RESET goes back to.
fn session(
    startup: &Startup,
    server: &Server,
    user: &str,
    role: &Role,
    secure: bool,
) -> Result<(Arc<Session>, CancelKey)> {
    let is_superuser = role.is_superuser;
    let database = startup
        .parameters
        .get("database")
        .map_or(user, String::as_str);
    if ![super::DATABASE, user].contains(&database) {
        return Err(Error::new(
            Kind::UndefinedCatalog,
            format!("database \"{database}\" does not exist"),
        )
        .hint(format!("The database is \"{}\".", super::DATABASE)));
    }
    let mut settings = server.engine.settings().clone();
    parameters::from_startup(&mut settings, &startup.parameters, is_superuser)?;
    settings.tell("session_authorization", user)?;
    settings.tell("is_superuser", if is_superuser { "on" } else { "off" })?;
    settings.tell("ssl", if secure { "on" } else { "off" })?;
    let secret_bytes = if startup.protocol >= PROTOCOL_3_2 {
        32
    } else {
        4
    };
    let session = Arc::new(server.engine.session(SessionOptions {
        user: user.to_string(),
        settings: Some(settings),
        takes_copies: true,
    }));
    // The role may have been dropped while the client proved to be it.
    if !session.is_of(role) {
        return Err(authenticate::unknown(user));
    }
    let key = server.keys.issue(&session, secret_bytes)?;
    Ok((session, key))
}

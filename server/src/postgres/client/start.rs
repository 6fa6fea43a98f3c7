//! From a connection to a session: the startup message, SCRAM, the first settings.

use bytes::{BufMut, Bytes, BytesMut};
use postgres_protocol::authentication::sasl::{
    ChannelBinding, SCRAM_SHA_256, SCRAM_SHA_256_PLUS, ScramSha256,
};
use quern_engine::{Error, Kind, Result};
use tokio::io::AsyncWriteExt;

use super::super::startup::{PROTOCOL_3_2, ROWS_OPTION};
use super::secure::{self, EndPoint};
use super::{Answer, Client, Config, Key, lost};

/// Codes of requests for authentication.
const OK: u32 = 0;
const SASL: u32 = 10;
const SASL_CONTINUE: u32 = 11;
const SASL_FINAL: u32 = 12;

pub async fn connect(config: &Config) -> Result<Client> {
    let (mut socket, end_point) = secure::open(config).await?;
    socket.write_all(&startup(config)).await.map_err(lost)?;
    socket.flush().await.map_err(lost)?;
    let mut client = Client {
        socket,
        buffer: BytesMut::new(),
        parameters: Default::default(),
        key: Key::default(),
        is_encrypted: end_point.is_some(),
    };
    authenticate(&mut client, config, end_point).await?;
    loop {
        match client.next().await? {
            Answer::Key(key) => client.key = key,
            Answer::Failed(error) => return Err(error),
            Answer::Ready => return Ok(client),
            answer => other(answer)?,
        }
    }
}

fn startup(config: &Config) -> BytesMut {
    let parameters = [
        ("user", config.user.as_str()),
        ("database", &config.database),
        ("application_name", &config.application),
        ROWS_OPTION,
    ];
    let mut message = BytesMut::new();
    message.put_u32(0);
    message.put_u32(PROTOCOL_3_2);
    for (name, value) in parameters {
        for text in [name, value] {
            message.put_slice(text.as_bytes());
            message.put_u8(0);
        }
    }
    message.put_u8(0);
    let length = message.len() as u32;
    message[..4].copy_from_slice(&length.to_be_bytes());
    message
}

/// Answers that may come at any time before the session has begun.
fn other(answer: Answer) -> Result<()> {
    match answer {
        Answer::UnknownOptions(names) if names.iter().any(|n| n == ROWS_OPTION.0) => {
            let message = "the server does not send rows as Arrow";
            Err(Error::unsupported("this server").detail(message).hint(
                "The shell connects to `quern serve` of its own version; others speak with psql.",
            ))
        }
        _ => Ok(()),
    }
}

/// Proves who the user is, and that the server knows the password too, up to AuthenticationOk.
async fn authenticate(
    client: &mut Client,
    config: &Config,
    end_point: Option<EndPoint>,
) -> Result<()> {
    let mut proof: Option<ScramSha256> = None;
    let mut is_server_proved = true;
    loop {
        match client.next().await? {
            Answer::Authentication(OK, _) if is_server_proved => return Ok(()),
            Answer::Authentication(SASL, mechanisms) if proof.is_none() => {
                let begun = begin(config, &mechanisms, &end_point)?;
                is_server_proved = false;
                client.send(b'p', &begun.1).await?;
                proof = Some(begun.0);
            }
            Answer::Authentication(SASL_CONTINUE, challenge) => {
                let proof = proof.as_mut().ok_or_else(unexpected)?;
                proof.update(&challenge).map_err(wrong)?;
                let answer = proof.message().to_vec();
                client.send(b'p', &answer).await?;
            }
            Answer::Authentication(SASL_FINAL, last) => {
                let proof = proof.as_mut().ok_or_else(unexpected)?;
                proof.finish(&last).map_err(wrong)?;
                is_server_proved = true;
            }
            Answer::Authentication(..) => return Err(unexpected()),
            Answer::Failed(error) => return Err(error),
            answer => other(answer)?,
        }
    }
}

/// The exchange with its first message. Over TLS it is bound to the connection, if the server can.
fn begin(
    config: &Config,
    mechanisms: &Bytes,
    end_point: &Option<EndPoint>,
) -> Result<(ScramSha256, Vec<u8>)> {
    let offers = |name: &str| mechanisms.split(|b| *b == 0).any(|m| m == name.as_bytes());
    let (mechanism, binding) = match end_point {
        Some(hash) if !hash.is_empty() && offers(SCRAM_SHA_256_PLUS) => {
            let binding = ChannelBinding::tls_server_end_point(hash.clone());
            (SCRAM_SHA_256_PLUS, binding)
        }
        Some(hash) if !hash.is_empty() => (SCRAM_SHA_256, ChannelBinding::unrequested()),
        _ => (SCRAM_SHA_256, ChannelBinding::unsupported()),
    };
    if !offers(mechanism) {
        return Err(unexpected());
    }
    let password = config.password.as_ref().ok_or_else(|| {
        let message = format!("no password given for user \"{}\"", config.user);
        Error::new(Kind::InvalidPassword, message)
            .hint("Set QUERN_PASSWORD or PGPASSWORD, or write it into ~/.pgpass.")
    })?;
    let proof = ScramSha256::new(password.as_bytes(), binding);
    let first = proof.message();
    let mut message = [mechanism.as_bytes(), b"\0"].concat();
    message.put_u32(first.len() as u32);
    message.put_slice(first);
    Ok((proof, message))
}

fn unexpected() -> Error {
    Error::unsupported("the server's way to ask for a password")
        .hint("The shell proves passwords by SCRAM-SHA-256.")
}

/// What the server says in the exchange does not fit the password.
fn wrong(error: std::io::Error) -> Error {
    let message = format!("the server does not prove that it knows the password: {error}");
    Error::new(Kind::InvalidPassword, message)
}

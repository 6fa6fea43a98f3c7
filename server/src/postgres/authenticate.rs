//! Who the client is: SCRAM-SHA-256, with channel binding when the connection is encrypted.
//!
//! The exchange is pgwire's state machine; the secrets are verifiers of the catalog, from which no
//! password can be had. A user that does not exist is asked for a password all the same. Who fails too
//! often has to wait (`failures.rs`).

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use bytes::BytesMut;
use pgwire::api::auth::mechanism::{AuthMechanismFactory, AuthState};
use pgwire::api::auth::sasl::scram::{ScramAuth, ScramSecret};
use pgwire::api::auth::{AuthSource, LoginInfo, Password};
use pgwire::api::{DefaultClient, METADATA_USER};
use pgwire::error::{PgWireError, PgWireResult};
use pgwire::messages::PgWireBackendMessage as Reply;
use pgwire::messages::startup::PasswordMessageFamily;
use quern_engine::{Engine, Error, Kind, Result, Role, Verifier};
use tokio::io::{ReadHalf, WriteHalf};

use super::message::{FrameReader, Message, violation};
use super::output::{Gone, Output, Sent};
use super::startup::Socket;
use super::{Authentication, Server};

pub struct Login<'a> {
    pub user: &'a str,
    pub address: SocketAddr,
    pub secure: bool,
}

/// The role of the user, once the user is known to be who they say they are.
pub async fn run(
    server: &Server,
    login: &Login<'_>,
    input: &mut FrameReader<ReadHalf<Socket>>,
    output: &mut Output<WriteHalf<Socket>>,
) -> Sent<Result<Role>> {
    let role = server.engine.role(login.user);
    if server.authentication == Authentication::Trust {
        return Ok(role.ok_or_else(|| unknown(login.user)));
    }
    let (user, address) = (login.user, login.address.ip());
    match exchange(server, login, input, output).await? {
        Ok(()) => {
            server.failures.succeeded(user, address);
            Ok(role.ok_or_else(|| failed(user)))
        }
        Err(error) => {
            if error.kind == Kind::InvalidPassword {
                server.failures.failed(user, address, Instant::now());
            }
            tracing::info!(user = login.user, address = %login.address, "a login failed");
            Ok(Err(error))
        }
    }
}

async fn exchange(
    server: &Server,
    login: &Login<'_>,
    input: &mut FrameReader<ReadHalf<Socket>>,
    output: &mut Output<WriteHalf<Socket>>,
) -> Sent<Result<()>> {
    let mut scram = ScramAuth::<()>::new(Arc::new(Verifiers(server.engine.clone())));
    if let Some(tls) = server.tls.as_ref().filter(|_| login.secure)
        && let Err(error) = scram.configure_certificate(&tls.certificate_pem)
    {
        tracing::warn!(%error, "no channel binding with this certificate");
    }
    let mut client = DefaultClient::<()>::new(login.address, login.secure);
    client
        .metadata
        .insert(METADATA_USER.to_string(), login.user.to_string());
    let mut mechanism = scram.create();
    let mut state = mechanism.begin(&client).await;
    loop {
        // Before each step: others may have failed since the one before.
        let address = login.address.ip();
        if let Err(error) = server.failures.check(login.user, address, Instant::now()) {
            return Ok(Err(error));
        }
        match state {
            Ok(AuthState::InProgress(request)) => {
                output.put(Reply::Authentication(request));
                output.flush().await?;
            }
            Ok(AuthState::Ok { final_message, .. }) => {
                output_final(output, final_message);
                return Ok(Ok(()));
            }
            Ok(AuthState::Failed(error)) | Err(error) => return Ok(Err(told(&error, login.user))),
        }
        let frame = match input.next().await {
            Ok(Some(frame)) => frame,
            Ok(None) => return Err(Gone),
            Err(error) => return Ok(Err(error)),
        };
        let answer = match frame.message {
            Ok(Message::Password(answer)) => BytesMut::from(answer.as_ref()),
            Ok(Message::Terminate) => return Err(Gone),
            _ => return Ok(Err(violation("expected a SASL response"))),
        };
        state = mechanism
            .next(&client, PasswordMessageFamily::Raw(answer))
            .await;
    }
}

fn output_final(
    output: &mut Output<WriteHalf<Socket>>,
    message: Option<pgwire::messages::startup::Authentication>,
) {
    if let Some(message) = message {
        output.put(Reply::Authentication(message));
    }
}

pub fn unknown(user: &str) -> Error {
    Error::new(
        Kind::InvalidAuthorization,
        format!("role \"{user}\" does not exist"),
    )
}

fn failed(user: &str) -> Error {
    Error::new(
        Kind::InvalidPassword,
        format!("password authentication failed for user \"{user}\""),
    )
}

/// Whatever is wrong with a proof is a wrong password; the rest is the client's misuse of SASL.
fn told(error: &PgWireError, user: &str) -> Error {
    match error {
        PgWireError::UnsupportedSASLAuthMethod(_) | PgWireError::InvalidSASLState => {
            violation(error.to_string())
        }
        _ => failed(user),
    }
}

/// The catalog's verifiers, for pgwire.
#[derive(Debug)]
struct Verifiers(Engine);

#[async_trait]
impl AuthSource for Verifiers {
    async fn get_password(&self, login: &LoginInfo) -> PgWireResult<Password> {
        let user = login.user().unwrap_or_default();
        Err(PgWireError::InvalidPassword(user.to_string()))
    }

    async fn get_scram_secret(&self, login: &LoginInfo) -> PgWireResult<(ScramSecret, Option<()>)> {
        let user = login.user().unwrap_or_default();
        let verifier = self.0.role(user).and_then(|role| role.verifier);
        let verifier = verifier.unwrap_or_else(|| Verifier::of_nobody(user));
        let secret = ScramSecret::Verifier {
            salt: verifier.salt,
            iterations: verifier.iterations,
            stored_key: verifier.stored_key,
            server_key: verifier.server_key,
        };
        Ok((secret, None))
    }
}

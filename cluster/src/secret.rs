//! What keeps strangers out. The scheduler underneath knows no passwords, and whoever reaches its ports can
//! run anything. With a secret that coordinator and executors have in common, these ports are on loopback
//! addresses, behind a gate that speaks TLS:
//!
//! ```text
//! executor ══ TLS, both sides prove that they know the secret ══▶ gate ──▶ scheduler (loopback)
//! ```
//! The key of a certificate authority is derived from the secret. Each process makes a certificate with it
//! when it starts, and takes none that this authority did not sign.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use ballista_core::extension::EndpointOverrideFn;
use quern_engine::{Error, Kind, Result};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use ring::pbkdf2;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};
use tonic::transport::{Certificate, ClientTlsConfig, Endpoint, Identity};

/// A shorter secret can be guessed.
const MIN_CHARACTERS: usize = 16;

/// Whoever connects sees a certificate, by which secrets could be tried out: that shall be slow.
const ROUNDS: u32 = 600_000;
const SALT: &[u8] = b"quern cluster, version 1";

/// The name that all certificates have.
const NAME: &str = "cluster.quern.internal";

/// What stands before the 32 bytes of an Ed25519 key in PKCS #8.
const PKCS8_HEAD: [u8; 16] = [
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
];

const HANDSHAKE: Duration = Duration::from_secs(10);
const CONNECT: Duration = Duration::from_secs(20);
const KEEPALIVE: Duration = Duration::from_secs(30);

/// The certificates of this process.
#[derive(Clone)]
pub struct Secret {
    client: ClientTlsConfig,
    server: Arc<ServerConfig>,
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

impl Secret {
    /// Takes a moment, so that guessing takes for ever.
    pub fn of(text: &str) -> Result<Self> {
        if text.chars().count() < MIN_CHARACTERS {
            return Err(Error::new(
                Kind::InvalidParameterValue,
                format!("quern.cluster_secret has fewer than {MIN_CHARACTERS} characters"),
            )
            .hint("Make one with: openssl rand -hex 32"));
        }
        let authority = authority_key(text)?;
        let mut params = CertificateParams::new(vec![]).map_err(unusable)?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let root = params.self_signed(&authority).map_err(unusable)?;
        let issuer = Issuer::new(params, authority);
        let key = KeyPair::generate().map_err(unusable)?;
        let own = CertificateParams::new(vec![NAME.to_string()]).map_err(unusable)?;
        let own = own.signed_by(&key, &issuer).map_err(unusable)?;
        let client = ClientTlsConfig::new()
            .domain_name(NAME)
            .ca_certificate(Certificate::from_pem(root.pem()))
            .identity(Identity::from_pem(own.pem(), key.serialize_pem()));
        Ok(Self {
            client,
            server: Arc::new(server(root.der().clone(), own.der().clone(), &key)?),
        })
    }

    /// Makes connections to other processes go through their gates.
    pub fn endpoint(&self) -> EndpointOverrideFn {
        let tls = self.client.clone();
        Arc::new(move |endpoint: Endpoint| {
            let authority = endpoint.uri().authority().map(ToString::to_string);
            let url = format!("https://{}", authority.unwrap_or_default());
            Ok(Endpoint::from_shared(url)?
                .connect_timeout(CONNECT)
                .tcp_nodelay(true)
                .tcp_keepalive(Some(KEEPALIVE))
                .http2_keep_alive_interval(KEEPALIVE)
                .keep_alive_while_idle(true)
                .tls_config(tls.clone())?)
        })
    }

    /// Lets those in who know the secret; they reach `inner`.
    pub async fn gate(self, listener: TcpListener, inner: SocketAddr) {
        let acceptor = TlsAcceptor::from(self.server);
        loop {
            match listener.accept().await {
                Ok((stream, from)) => {
                    tokio::spawn(pass(acceptor.clone(), stream, from, inner));
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection of the cluster is not taken");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
    }
}

async fn pass(acceptor: TlsAcceptor, stream: TcpStream, from: SocketAddr, inner: SocketAddr) {
    let _ = stream.set_nodelay(true);
    let mut outside = match tokio::time::timeout(HANDSHAKE, acceptor.accept(stream)).await {
        Ok(Ok(outside)) => outside,
        Ok(Err(error)) => {
            tracing::debug!(%from, %error, "not let into the cluster");
            return;
        }
        Err(_) => return,
    };
    let Ok(mut inside) = TcpStream::connect(inner).await else {
        return;
    };
    let _ = inside.set_nodelay(true);
    let _ = copy_bidirectional(&mut outside, &mut inside).await;
}

/// The same key for the same secret.
fn authority_key(text: &str) -> Result<KeyPair> {
    let mut seed = [0_u8; 32];
    let rounds = NonZeroU32::new(ROUNDS).unwrap_or(NonZeroU32::MIN);
    pbkdf2::derive(
        pbkdf2::PBKDF2_HMAC_SHA256,
        rounds,
        SALT,
        text.as_bytes(),
        &mut seed,
    );
    let key = [PKCS8_HEAD.as_slice(), &seed].concat();
    let key = PrivatePkcs8KeyDer::from(key);
    KeyPair::from_pkcs8_der_and_sign_algo(&key, &rcgen::PKCS_ED25519).map_err(unusable)
}

fn server(
    root: CertificateDer<'static>,
    own: CertificateDer<'static>,
    key: &KeyPair,
) -> Result<ServerConfig> {
    let provider = Arc::new(default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(root).map_err(unusable)?;
    let verifier =
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
            .build()
            .map_err(unusable)?;
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(unusable)?
        .with_client_cert_verifier(verifier)
        .with_single_cert(vec![own], key)
        .map_err(unusable)?;
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(config)
}

fn unusable(error: impl std::fmt::Display) -> Error {
    Error::internal(format!("the certificates of the cluster: {error}"))
}

//! The way to the server: TCP, and TLS as far as the user asks for it.
//!
//! The modes are those of psql. `prefer` and `require` keep listeners out but trust any server;
//! `verify-ca` and `verify-full` take only one whose certificate comes from `--tls-ca`, the latter
//! also only for the name of the host.

use std::path::Path;
use std::sync::Arc;

use bytes::BytesMut;
use quern_engine::{Error, Kind, Result};
use ring::digest;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::client::WebPkiServerVerifier;
use tokio_rustls::rustls::client::danger::{
    HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier,
};
use tokio_rustls::rustls::crypto::{
    CryptoProvider, ring as provider, verify_tls12_signature, verify_tls13_signature,
};
use tokio_rustls::rustls::{
    self, CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
};

use super::super::message::violation;
use super::super::startup::{SSL_REQUEST, Socket};
use super::{Answer, Config, answer, closed, lost};
use crate::tls::ALPN;

/// When a connection is encrypted, and whom it trusts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum TlsMode {
    /// Never encrypted
    Disable,
    /// Encrypted if the server can
    Prefer,
    /// Encrypted, to any server; with --tls-ca like verify-ca
    Require,
    /// Encrypted, to a server whose certificate comes from --tls-ca
    VerifyCa,
    /// The same, and the certificate must be that of the host
    VerifyFull,
}

/// The hash of the server's certificate, for channel binding.
pub type EndPoint = Vec<u8>;

/// A connection, and what binds to it if it is encrypted.
pub async fn open(config: &Config) -> Result<(Socket, Option<EndPoint>)> {
    let mut tcp = tcp(config).await?;
    if config.tls == TlsMode::Disable {
        return Ok((Box::new(tcp), None));
    }
    let mut request = [0; 8];
    request[3] = 8;
    request[4..].copy_from_slice(&SSL_REQUEST.to_be_bytes());
    tcp.write_all(&request).await.map_err(lost)?;
    match tcp.read_u8().await.map_err(lost)? {
        b'S' => {}
        b'N' if config.tls == TlsMode::Prefer => return Ok((Box::new(tcp), None)),
        b'N' => {
            return Err(
                Error::new(Kind::Connection, "the server does not encrypt connections")
                    .hint("Start it with --tls-cert and --tls-key, or say --tls-mode disable."),
            );
        }
        first => return Err(refusal(tcp, first).await),
    }
    let name = ServerName::try_from(config.host.clone()).map_err(failed)?;
    let connector = TlsConnector::from(Arc::new(tls_config(config)?));
    match connector.connect(name, tcp).await {
        Ok(stream) => {
            let certificates = stream.get_ref().1.peer_certificates();
            let end_point = certificates.and_then(<[_]>::first).and_then(end_point);
            Ok((Box::new(stream), Some(end_point.unwrap_or_default())))
        }
        Err(_) if config.tls == TlsMode::Prefer => Ok((Box::new(self::tcp(config).await?), None)),
        Err(error) => Err(failed(error)),
    }
}

/// Why the server does not answer the request: most likely an error, such as too many connections.
async fn refusal(mut tcp: TcpStream, first: u8) -> Error {
    let mut buffer = BytesMut::from([first].as_slice());
    loop {
        match answer::take(&mut buffer) {
            Ok(Some(Answer::Failed(error))) | Err(error) => return error,
            Ok(Some(_)) => return violation("the server does not speak PostgreSQL's protocol"),
            Ok(None) => match tcp.read_buf(&mut buffer).await {
                Ok(0) => return closed(),
                Ok(_) => {}
                Err(error) => return lost(error),
            },
        }
    }
}

async fn tcp(config: &Config) -> Result<TcpStream> {
    let (host, port) = (config.host.as_str(), config.port);
    let tcp = TcpStream::connect((host, port)).await.map_err(|e| {
        let message = format!("cannot connect to {host}, port {port}: {e}");
        Error::new(Kind::Connection, message).hint("Is `quern serve` running there?")
    })?;
    let _ = tcp.set_nodelay(true);
    Ok(tcp)
}

fn failed(error: impl std::fmt::Display) -> Error {
    Error::new(
        Kind::Connection,
        format!("no encrypted connection with the server: {error}"),
    )
}

fn tls_config(config: &Config) -> Result<ClientConfig> {
    let provider = Arc::new(provider::default_provider());
    let roots = match (&config.tls_ca, config.tls) {
        (_, TlsMode::Prefer | TlsMode::Disable) | (None, TlsMode::Require) => None,
        (Some(file), _) => {
            let roots = Arc::new(roots(file)?);
            let verifier =
                WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(&provider)).build();
            Some(verifier.map_err(failed)?)
        }
        (None, _) => return Err(failed("there is no --tls-ca to verify it by")),
    };
    let verifier = Verifier {
        roots,
        any_name: config.tls != TlsMode::VerifyFull,
        provider: Arc::clone(&provider),
    };
    let mut tls = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(failed)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    tls.alpn_protocols = vec![ALPN.to_vec()];
    Ok(tls)
}

fn roots(file: &Path) -> Result<RootCertStore> {
    let unusable = |e: String| {
        let message = format!("cannot use \"{}\" for TLS: {e}", file.display());
        Error::new(Kind::InvalidParameterValue, message).hint("A PEM file is expected.")
    };
    let mut roots = RootCertStore::empty();
    let certificates = CertificateDer::pem_file_iter(file).map_err(|e| unusable(e.to_string()))?;
    for certificate in certificates {
        let certificate = certificate.map_err(|e| unusable(e.to_string()))?;
        roots
            .add(certificate)
            .map_err(|e| unusable(e.to_string()))?;
    }
    match roots.is_empty() {
        true => Err(unusable("there is no certificate in it".to_string())),
        false => Ok(roots),
    }
}

/// Trusts what comes from the roots, or anybody; that the server has its key is always checked.
#[derive(Debug)]
struct Verifier {
    roots: Option<Arc<WebPkiServerVerifier>>,
    any_name: bool,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer,
        intermediates: &[CertificateDer],
        name: &ServerName,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        use CertificateError::{NotValidForName, NotValidForNameContext};
        let Some(roots) = &self.roots else {
            return Ok(ServerCertVerified::assertion());
        };
        match roots.verify_server_cert(end_entity, intermediates, name, ocsp, now) {
            // The name is the last that is checked.
            Err(rustls::Error::InvalidCertificate(
                NotValidForName | NotValidForNameContext { .. },
            )) if self.any_name => Ok(ServerCertVerified::assertion()),
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let algorithms = &self.provider.signature_verification_algorithms;
        algorithms.supported_schemes()
    }
}

/// RFC 5929's `tls-server-end-point`: the certificate's hash by the hash of its own signature.
/// `None` for signatures without one.
fn end_point(certificate: &CertificateDer) -> Option<EndPoint> {
    // Certificate: a sequence of what is signed, the algorithm (a sequence that its OID begins), …
    let (_, all) = element(certificate)?;
    let (after_signed, _) = element(all)?;
    let (_, algorithm) = element(after_signed)?;
    let (_, oid) = element(algorithm)?;
    let hash = match oid {
        // sha{1,256,384,512}WithRSAEncryption
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, last] => match last {
            5 | 11 => &digest::SHA256,
            12 => &digest::SHA384,
            13 => &digest::SHA512,
            _ => return None,
        },
        // ecdsa-with-SHA{1}, ecdsa-with-SHA{256,384,512}
        [0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 1] => &digest::SHA256,
        [0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, last] => match last {
            2 => &digest::SHA256,
            3 => &digest::SHA384,
            4 => &digest::SHA512,
            _ => return None,
        },
        _ => return None,
    };
    Some(digest::digest(hash, certificate).as_ref().to_vec())
}

/// The first DER element: what follows it, and its contents.
fn element(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (_tag, rest) = der.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..0x80 => (usize::from(*first), rest),
        _ => {
            let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            let short = bytes.len() <= 4;
            let length = bytes.iter().fold(0, |sum, b| sum << 8 | usize::from(*b));
            (short.then_some(length)?, rest)
        }
    };
    let (contents, after) = rest.split_at_checked(length)?;
    Some((after, contents))
}

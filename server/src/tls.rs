//! Encryption of connections: the server's certificate and key, by rustls with ring.

use std::path::Path;
use std::sync::Arc;

use quern_engine::{Error, Kind, Result};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;

/// The name of PostgreSQL's protocol in a TLS handshake.
pub const ALPN: &[u8] = b"postgresql";

pub struct Tls {
    pub acceptor: TlsAcceptor,
    /// For channel binding.
    pub certificate_pem: Vec<u8>,
}

impl Tls {
    /// Reads the chain of certificates and the key, both PEM.
    pub fn read(certificate: &Path, key: &Path) -> Result<Self> {
        let certificate_pem = read(certificate)?;
        let chain = CertificateDer::pem_slice_iter(&certificate_pem)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|e| unusable(certificate, e))?;
        let private = PrivateKeyDer::from_pem_slice(&read(key)?).map_err(|e| unusable(key, e))?;
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|e| unusable(certificate, e))?
            .with_no_client_auth()
            .with_single_cert(chain, private)
            .map_err(|e| unusable(certificate, e))?;
        config.alpn_protocols = vec![ALPN.to_vec()];
        Ok(Self {
            acceptor: TlsAcceptor::from(Arc::new(config)),
            certificate_pem,
        })
    }
}

fn read(file: &Path) -> Result<Vec<u8>> {
    std::fs::read(file).map_err(|e| {
        let message = format!("cannot read \"{}\": {e}", file.display());
        Error::new(Kind::Io, message)
    })
}

fn unusable(file: &Path, error: impl std::fmt::Display) -> Error {
    Error::new(
        Kind::InvalidParameterValue,
        format!("cannot use \"{}\" for TLS: {error}", file.display()),
    )
    .hint("A PEM file is expected: the server's certificate first, then those that signed it.")
}

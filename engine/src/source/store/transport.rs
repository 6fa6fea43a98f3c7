//! Requests to a store, one try each: no answer within the time limit is an error, which the store's
//! own loop of retries sees.
//!
//! The time limit holds for the head of an answer, and for the whole of a listing; the body of a
//! file may take as long as pieces of it keep coming, which [`super::remote`] watches.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpService,
    ReqwestConnector,
};
use object_store::path::Path;

use super::fault::METADATA_HOSTS;

/// Tries of this process that failed in a way that another try may mend.
static FAILED_TRIES: AtomicU64 = AtomicU64::new(0);

/// How many requests to object stores had to be repeated since the process started.
pub fn retries() -> u64 {
    FAILED_TRIES.load(Ordering::Relaxed)
}

pub(super) fn count_retry() {
    FAILED_TRIES.fetch_add(1, Ordering::Relaxed);
}

/// Makes clients that give up a try after some time without an answer.
#[derive(Clone)]
pub(super) struct Connector {
    pub answer_timeout: Duration,
    /// The value of the header `Authorization`, for servers that want a password.
    pub authorization: Option<String>,
    /// What follows `?` in the requests for a key.
    pub queries: BTreeMap<String, String>,
}

impl std::fmt::Debug for Connector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Connector")
    }
}

impl HttpConnector for Connector {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(Transport {
            inner: ReqwestConnector::default().connect(options)?,
            connector: self.clone(),
        }))
    }
}

#[derive(Debug)]
struct Transport {
    inner: HttpClient,
    connector: Connector,
}

#[derive(Debug)]
struct NoAnswer(Duration);

impl std::fmt::Display for NoAnswer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "no answer within {:?}", self.0)
    }
}

impl std::error::Error for NoAnswer {}

#[async_trait]
impl HttpService for Transport {
    async fn call(&self, mut request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let limit = self.connector.answer_timeout;
        self.complete(&mut request);
        let uri = request.uri();
        let is_listing = uri
            .query()
            .is_some_and(|q| q.contains("list-type=2") || q.contains("comp=list"));
        let asks_machine = uri.host().is_some_and(|h| METADATA_HOSTS.contains(&h));
        let answer = tokio::time::timeout(limit, self.answer(request, is_listing)).await;
        let answer = match answer {
            Ok(answer) => answer,
            Err(_) => Err(HttpError::new(HttpErrorKind::Timeout, NoAnswer(limit))),
        };
        match answer {
            Ok(response) => {
                let status = response.status();
                if status.is_server_error() || matches!(status.as_u16(), 408 | 429) {
                    count_retry();
                }
                Ok(response)
            }
            // There is no such host outside of the cloud: trying longer does not help.
            Err(error) if asks_machine => Err(HttpError::new(HttpErrorKind::Unknown, error)),
            // Nor does it when the server's certificate is not trusted.
            Err(error) if is_certificate(&error) => {
                Err(HttpError::new(HttpErrorKind::Unknown, error))
            }
            Err(error) => {
                count_retry();
                Err(error)
            }
        }
    }
}

impl Transport {
    /// Adds what the URL that the user wrote had besides the key.
    fn complete(&self, request: &mut HttpRequest) {
        if let Some(value) = self.connector.authorization.as_ref()
            && let Ok(value) = value.parse()
        {
            request.headers_mut().insert("authorization", value);
        }
        if self.connector.queries.is_empty() {
            return;
        }
        let uri = request.uri();
        let key = Path::from_url_path(uri.path()).unwrap_or_default();
        if let Some(query) = self.connector.queries.get(key.as_ref())
            && let Ok(uri) = format!("{uri}?{query}").parse()
        {
            *request.uri_mut() = uri;
        }
    }

    /// The answer's head; a listing's body with it, so that a broken one is asked for again.
    async fn answer(
        &self,
        request: HttpRequest,
        is_listing: bool,
    ) -> Result<HttpResponse, HttpError> {
        let response = self.inner.execute(request).await?;
        if !is_listing || !response.status().is_success() {
            return Ok(response);
        }
        let (head, body) = response.into_parts();
        let body = body
            .bytes()
            .await
            .map_err(|error| HttpError::new(HttpErrorKind::Interrupted, error))?;
        Ok(HttpResponse::from_parts(head, body.into()))
    }
}

fn is_certificate(error: &HttpError) -> bool {
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = cause {
        if error.to_string().contains("certificate") {
            return true;
        }
        cause = error.source();
    }
    false
}

//! A store behind a network: its paths mounted where no other store's are, its files read through
//! broken connections, its errors told in our words.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use futures::StreamExt;
use futures::stream::BoxStream;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, GetResultPayload, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result, UploadPart,
};

use super::address::Address;
use super::body;
use super::build::Limits;
use super::fault::Telling;
use super::service::Core;

pub(super) struct Remote {
    core: Arc<Core>,
}

impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.core.shown)
    }
}

impl fmt::Display for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.core.shown)
    }
}

impl Remote {
    pub fn new(
        inner: Arc<dyn ObjectStore>,
        mount: Path,
        address: &Address,
        telling: Telling,
        limits: Limits,
    ) -> Self {
        Self {
            core: Arc::new(Core::new(inner, mount, address, telling, limits)),
        }
    }
}

#[async_trait]
impl ObjectStore for Remote {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        let path = self.core.within(location)?;
        let put = self.core.inner.put_opts(&path, payload, options).await;
        put.map_err(|error| self.core.told(error, &path))
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        let path = self.core.within(location)?;
        let upload = self.core.inner.put_multipart_opts(&path, options).await;
        let inner = upload.map_err(|error| self.core.told(error, &path))?;
        let core = Arc::clone(&self.core);
        Ok(Box::new(Upload { core, path, inner }))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let path = self.core.within(location)?;
        let result = self
            .core
            .fetch(&path, options.clone())
            .await
            .map_err(|error| self.core.told(error, &path))?;
        let (meta, range, attributes) = (
            result.meta.clone(),
            result.range.clone(),
            result.attributes.clone(),
        );
        let stream = body::stream(&self.core, path, options, result);
        Ok(GetResult {
            payload: GetResultPayload::Stream(stream),
            meta: self.core.meta(meta),
            range,
            attributes,
        })
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        let (core, told) = (Arc::clone(&self.core), Arc::clone(&self.core));
        let within = locations.map(move |path| core.within(&path?)).boxed();
        self.core
            .inner
            .delete_stream(within)
            .map(move |deleted| match deleted {
                Ok(path) => Ok(told.mounted(&path)),
                Err(error) => Err(told.told(error, &Path::default())),
            })
            .boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let core = Arc::clone(&self.core);
        match self.core.prefix_within(prefix) {
            Ok(prefix) => {
                let place = prefix.clone().unwrap_or_default();
                self.core
                    .inner
                    .list(prefix.as_ref())
                    .map(move |listed| match listed {
                        Ok(meta) => Ok(core.meta(meta)),
                        Err(error) => Err(core.told(error, &place)),
                    })
                    .boxed()
            }
            Err(error) => futures::stream::once(async { Err(error) }).boxed(),
        }
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        let prefix = self.core.prefix_within(prefix)?;
        let listed = self.core.inner.list_with_delimiter(prefix.as_ref()).await;
        let listed =
            listed.map_err(|error| self.core.told(error, &prefix.clone().unwrap_or_default()))?;
        Ok(ListResult {
            common_prefixes: listed
                .common_prefixes
                .iter()
                .map(|path| self.core.mounted(path))
                .collect(),
            objects: listed
                .objects
                .into_iter()
                .map(|meta| self.core.meta(meta))
                .collect(),
        })
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        let (from, to) = (self.core.within(from)?, self.core.within(to)?);
        let copied = self.core.inner.copy_opts(&from, &to, options).await;
        copied.map_err(|error| self.core.told(error, &to))
    }
}

/// A file that is being written in parts.
struct Upload {
    core: Arc<Core>,
    path: Path,
    inner: Box<dyn MultipartUpload>,
}

impl fmt::Debug for Upload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.core.place(&self.path))
    }
}

#[async_trait]
impl MultipartUpload for Upload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        let (core, path) = (Arc::clone(&self.core), self.path.clone());
        let part = self.inner.put_part(data);
        Box::pin(async move { part.await.map_err(|error| core.told(error, &path)) })
    }

    async fn complete(&mut self) -> Result<PutResult> {
        let done = self.inner.complete().await;
        done.map_err(|error| self.core.told(error, &self.path))
    }

    async fn abort(&mut self) -> Result<()> {
        let done = self.inner.abort().await;
        done.map_err(|error| self.core.told(error, &self.path))
    }
}

//! Plans as bytes: DataFusion's codec writes its operators, Ballista's the shuffles, and this one what is
//! ours: the sources of scans with the stores that they read, operators, and functions.

use std::collections::HashMap;
use std::sync::Arc;

use ballista_core::serde::BallistaPhysicalExtensionCodec;
use datafusion::common::Result;
use datafusion::datasource::physical_plan::{FileScanConfig, FileScanConfigBuilder, FileSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::execution::TaskContext;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::logical_expr::{AggregateUDF, ScalarUDF, WindowUDF};
use datafusion::physical_plan::ExecutionPlan;
use datafusion_proto::physical_plan::from_proto::parse_protobuf_file_scan_config;
use datafusion_proto::physical_plan::to_proto::serialize_file_scan_config;
use datafusion_proto::physical_plan::{
    PhysicalExtensionCodec, PhysicalPlanDecodeContext, PhysicalProtoConverterExtension,
};
use datafusion_proto::protobuf;
use parking_lot::RwLock;
use prost::Message;
use quern_engine::source::{CarriedStore, FormatSource, OpenedStores};
use quern_engine::wire::{Functions, ScanSource, SourceKind, from_bytes, to_bytes};
use quern_engine::{Error, Kind};
use serde::{Deserialize, Serialize};

use crate::merged::MergedExec;
use crate::unordered::UnorderedExec;

/// Whose bytes follow.
const BALLISTAS: u8 = 0;
const SCAN: u8 = 1;
const UNORDERED: u8 = 2;
const MERGED: u8 = 3;

#[derive(Debug)]
pub struct Codec {
    functions: Arc<Functions>,
    /// The stores of the plans that are written, by their URLs.
    stores: RwLock<HashMap<String, CarriedStore>>,
    /// Whether no other machine reaches what goes to executors.
    is_private: bool,
    ballista: BallistaPhysicalExtensionCodec,
}

impl Codec {
    pub fn new(functions: Functions, is_private: bool) -> Self {
        Self {
            functions: Arc::new(functions),
            stores: RwLock::default(),
            is_private,
            ballista: BallistaPhysicalExtensionCodec::default(),
        }
    }

    /// Takes what a session knows of the stores that a plan reads, before the plan is written.
    pub fn admit(&self, opened: &OpenedStores, plan: &Arc<dyn ExecutionPlan>) -> Result<(), Error> {
        if let Some(config) = file_scan(plan) {
            let url = &config.object_store_url;
            if let Some(store) = opened.carried(url) {
                if store.has_secrets() && !self.is_private {
                    let message = "credentials of object stores go to executors only where the \
                                   cluster has a secret";
                    return Err(Error::new(Kind::Unsupported, message));
                }
                self.stores.write().insert(url.as_str().to_string(), store);
            }
        }
        let mut children = plan.children().into_iter();
        children.try_for_each(|child| self.admit(opened, child))
    }

    fn encode_scan(
        &self,
        config: &FileScanConfig,
        buf: &mut Vec<u8>,
        converter: &dyn PhysicalProtoConverterExtension,
    ) -> Result<()> {
        let Some((ours, inner)) = ScanSource::of(config.file_source()) else {
            return Err(Error::unsupported("a scan that makes columns of its own").into());
        };
        let url = &config.object_store_url;
        let store = self.stores.read().get(url.as_str()).cloned();
        if store.is_none() && *url != ObjectStoreUrl::local_filesystem() {
            return Err(Error::unsupported("a scan of a store of this process").into());
        }
        let known = with_source(config, inner);
        let header = Header {
            source: ours,
            store,
        };
        let header_bytes = to_bytes(&header)?;
        buf.push(SCAN);
        buf.extend((header_bytes.len() as u32).to_le_bytes());
        buf.extend(header_bytes);
        match header.source.kind {
            SourceKind::Parquet => {
                let scan: Arc<dyn ExecutionPlan> = DataSourceExec::from_data_source(known);
                buf.extend(
                    converter
                        .execution_plan_to_proto(&scan, self)?
                        .encode_to_vec(),
                );
            }
            SourceKind::Format(_) => {
                let known = serialize_file_scan_config(&known, self, converter)?;
                buf.extend(known.encode_to_vec());
            }
        }
        Ok(())
    }

    fn decode_scan(
        &self,
        bytes: &[u8],
        context: &TaskContext,
        converter: &dyn PhysicalProtoConverterExtension,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let (length, rest) = bytes.split_first_chunk::<4>().ok_or_else(cut_off)?;
        let length = u32::from_le_bytes(*length) as usize;
        let (header, rest) = rest.split_at_checked(length).ok_or_else(cut_off)?;
        let header: Header = from_bytes(header)?;
        if let Some(store) = &header.store {
            store.register(&context.runtime_env())?;
        }
        let ours = header.source;
        let context = PhysicalPlanDecodeContext::new(context, self);
        let known = match &ours.kind {
            SourceKind::Parquet => {
                let node = protobuf::PhysicalPlanNode::decode(rest).map_err(Error::internal)?;
                let scan = converter.proto_to_execution_plan(&node, &context)?;
                file_scan(&scan).cloned().ok_or_else(cut_off)?
            }
            SourceKind::Format(reading) => {
                let node = protobuf::FileScanExecConf::decode(rest).map_err(Error::internal)?;
                let schema = FileScanConfig::parse_table_schema_from_proto(&node)?;
                let source = Arc::new(FormatSource::new(reading.as_ref().clone(), schema));
                parse_protobuf_file_scan_config(&node, &context, converter, source)?
            }
        };
        let source = ours.around(Arc::clone(known.file_source()));
        Ok(DataSourceExec::from_data_source(with_source(
            &known, source,
        )))
    }
}

/// What stands before a scan as DataFusion writes it.
#[derive(Serialize, Deserialize)]
struct Header {
    source: ScanSource,
    /// `None`: the local disk.
    store: Option<CarriedStore>,
}

fn cut_off() -> Error {
    Error::internal("a plan from another process is cut off")
}

fn with_source(config: &FileScanConfig, source: Arc<dyn FileSource>) -> FileScanConfig {
    FileScanConfigBuilder::from(config.clone())
        .with_source(source)
        .build()
}

/// The scan of files that an operator is.
pub fn file_scan(plan: &Arc<dyn ExecutionPlan>) -> Option<&FileScanConfig> {
    let scan = plan.downcast_ref::<DataSourceExec>()?;
    scan.data_source().downcast_ref::<FileScanConfig>()
}

impl PhysicalExtensionCodec for Codec {
    fn try_decode(
        &self,
        buf: &[u8],
        inputs: &[Arc<dyn ExecutionPlan>],
        context: &TaskContext,
        converter: &dyn PhysicalProtoConverterExtension,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        match buf.split_first() {
            Some((&SCAN, rest)) => self.decode_scan(rest, context, converter),
            Some((&kind @ (UNORDERED | MERGED), _)) => {
                let input = inputs.first().map(Arc::clone).ok_or_else(cut_off)?;
                Ok(match kind {
                    UNORDERED => Arc::new(UnorderedExec::new(input)),
                    _ => Arc::new(MergedExec::new(input)?),
                })
            }
            Some((_, rest)) => self.ballista.try_decode(rest, inputs, context, converter),
            None => Err(cut_off().into()),
        }
    }

    fn try_encode(
        &self,
        node: Arc<dyn ExecutionPlan>,
        buf: &mut Vec<u8>,
        converter: &dyn PhysicalProtoConverterExtension,
    ) -> Result<()> {
        match file_scan(&node) {
            Some(config) => self.encode_scan(config, buf, converter),
            None if node.is::<UnorderedExec>() => {
                buf.push(UNORDERED);
                Ok(())
            }
            None if node.is::<MergedExec>() => {
                buf.push(MERGED);
                Ok(())
            }
            None => {
                let mut theirs = Vec::new();
                self.ballista.try_encode(node, &mut theirs, converter)?;
                buf.push(BALLISTAS);
                buf.extend(theirs);
                Ok(())
            }
        }
    }

    fn try_encode_udf(&self, node: &ScalarUDF, buf: &mut Vec<u8>) -> Result<()> {
        buf.extend(self.functions.scalar_to_bytes(node)?);
        Ok(())
    }

    fn try_decode_udf(&self, name: &str, buf: &[u8]) -> Result<Arc<ScalarUDF>> {
        Ok(self.functions.scalar_from_bytes(name, buf)?)
    }

    fn try_encode_udaf(&self, node: &AggregateUDF, buf: &mut Vec<u8>) -> Result<()> {
        buf.extend(self.functions.aggregate_to_bytes(node)?);
        Ok(())
    }

    fn try_decode_udaf(&self, name: &str, buf: &[u8]) -> Result<Arc<AggregateUDF>> {
        Ok(self.functions.aggregate_from_bytes(name, buf)?)
    }

    fn try_encode_udwf(&self, node: &WindowUDF, buf: &mut Vec<u8>) -> Result<()> {
        buf.extend(self.functions.window_to_bytes(node)?);
        Ok(())
    }

    fn try_decode_udwf(&self, name: &str, buf: &[u8]) -> Result<Arc<WindowUDF>> {
        Ok(self.functions.window_from_bytes(name, buf)?)
    }
}

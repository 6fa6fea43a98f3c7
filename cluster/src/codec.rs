//! Plans as bytes: DataFusion's codec writes its operators, Ballista's the shuffles, and this one what is
//! ours: the sources of scans, and functions.

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
use prost::Message;
use quern_engine::Error;
use quern_engine::source::FormatSource;
use quern_engine::wire::{Functions, ScanSource, SourceKind, from_bytes, to_bytes};

/// Whose bytes follow.
const BALLISTAS: u8 = 0;
const SCAN: u8 = 1;

#[derive(Debug)]
pub struct Codec {
    functions: Arc<Functions>,
    ballista: BallistaPhysicalExtensionCodec,
}

impl Codec {
    pub fn new(functions: Functions) -> Self {
        Self {
            functions: Arc::new(functions),
            ballista: BallistaPhysicalExtensionCodec::default(),
        }
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
        if config.object_store_url != ObjectStoreUrl::local_filesystem() {
            return Err(Error::unsupported("a scan of an object store on another machine").into());
        }
        let known = with_source(config, inner);
        let header = to_bytes(&ours)?;
        buf.push(SCAN);
        buf.extend((header.len() as u32).to_le_bytes());
        buf.extend(header);
        match ours.kind {
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
        let ours: ScanSource = from_bytes(header)?;
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

fn cut_off() -> Error {
    Error::internal("a scan from another process is cut off")
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

//! Google Cloud Storage and Azure, by servers that answer as they do.

use std::path::Path;

use super::server::{Request, Response, Server};
use super::{S3, rows};
use crate::support::{block_on, session};

#[test]
fn google_speaks_to_its_endpoint() {
    block_on(async {
        // Its XML interface is the one of S3.
        let gcs = S3::with_key(None).await;
        gcs.put("data/t/year=2020/a.csv", "n\n1\n");
        gcs.put("data/t/year=2021/b.csv", "n\n2\n");
        let session = session();
        let options = format!(
            "google_base_url = 'http://{}', google_skip_signature = true",
            gcs.address
        );
        for location in ["gs://data/t/", "gs://data/t/*/*.csv", "gs://data/**/*.csv"] {
            let create =
                format!("CREATE OR REPLACE TABLE t WITH (location = '{location}', {options})");
            rows(&session, &create).await;
            assert_eq!(
                rows(&session, "SELECT sum(n), max(year) FROM t").await,
                ["3|2021"]
            );
        }
        let shown = rows(
            &session,
            "SELECT DISTINCT location FROM system.chunks ORDER BY 1",
        )
        .await;
        assert_eq!(
            shown,
            ["gs://data/t/year=2020/a.csv", "gs://data/t/year=2021/b.csv"]
        );
    });
}

const CSV: &[u8] = b"n\n1\n2\n";
const TIME: &str = "Tue, 01 Sep 2020 12:00:00 GMT";

/// A container with the one file `t/a.csv`.
fn azure(request: &Request) -> Response {
    if request.target.contains("comp=list") {
        let blob = format!(
            "<Blob><Name>t/a.csv</Name><Properties><Last-Modified>{TIME}</Last-Modified><Content-Length>{}</Content-Length><Content-Type>text/csv</Content-Type><Etag>1</Etag></Properties></Blob>",
            CSV.len()
        );
        let list = format!(
            "<?xml version=\"1.0\" encoding=\"utf-8\"?><EnumerationResults><Blobs>{blob}</Blobs><NextMarker/></EnumerationResults>"
        );
        return Response::of("200 OK", list);
    }
    match Path::new(request.path()).ends_with("data/t/a.csv") {
        true => Response::file(request, CSV)
            .with("etag", "\"1\"")
            .with("last-modified", TIME),
        false => Response::of("404 Not Found", ""),
    }
}

#[test]
fn azure_gets_what_it_needs() {
    block_on(async {
        let server = Server::start(azure).await;
        let session = session();
        let endpoint = format!(
            "azure_storage_endpoint = 'http://{}/account'",
            server.address
        );
        // 32 bytes in base 64.
        let key = "azure_storage_account_key = 'MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE='";
        let signed = "azure_storage_sas_key = 'sv=2020-08-04&sp=rl&sig=hush-hush'";
        for (credentials, proof) in [(key, "SharedKey account:"), (signed, "sig=hush-hush")] {
            for location in ["az://data/t/", "az://data/t/a.csv", "abfs://data/t/*.csv"] {
                let create = format!(
                    "CREATE OR REPLACE TABLE t WITH (location = '{location}', azure_storage_account_name = 'account', {endpoint}, {credentials}); SELECT sum(n) FROM t"
                );
                assert_eq!(rows(&session, &create).await, ["3"], "{location}");
            }
            let requests = server.requests();
            let last = requests.last().unwrap();
            assert!(format!("{last:?}").contains(proof), "{last:?}");
            assert!(last.target.starts_with("/account/data/t/a.csv"), "{last:?}");
            let shown = rows(&session, "SHOW CREATE TABLE t").await.join("");
            assert!(
                !shown.contains("hush") && !shown.contains("MDEy"),
                "{shown}"
            );
        }
    });
}

//! What a normal user may do beside the administrator, through every statement.

mod files;
mod granted;
mod refused;
mod roles;
mod views;

use quern_engine::{Engine, Kind, Session, SessionOptions, Settings};

use crate::support::{error, rows};

pub struct World {
    pub engine: Engine,
    pub quern: Session,
    pub ann: Session,
}

pub fn session(engine: &Engine, user: &str) -> Session {
    engine.session(SessionOptions {
        user: user.to_string(),
        ..SessionOptions::local()
    })
}

/// An engine with the user ann, and a table and a view of the administrator.
pub async fn world(settings: Settings) -> World {
    let engine = Engine::open(settings).unwrap();
    let quern = engine.session(SessionOptions::local());
    let ann = session(&engine, "ann");
    let world = World { engine, quern, ann };
    world
        .all(
            &world.quern,
            &[
                "CREATE USER ann PASSWORD 'wool'",
                "CREATE TABLE t (a INT, b INT)",
                "INSERT INTO t VALUES (1, 2), (3, 4)",
                "CREATE VIEW v AS SELECT a FROM t",
            ],
        )
        .await;
    world
}

impl World {
    pub async fn all(&self, session: &Session, statements: &[&str]) {
        for sql in statements {
            if let Err(e) = rows(session, sql).await {
                panic!("{sql}: {} {}", e.sqlstate(), e.message);
            }
        }
    }

    /// Each is refused to ann with 42501 and this message.
    pub async fn refused(&self, message: &str, statements: &[&str]) {
        for sql in statements {
            let e = error(&self.ann, sql).await;
            assert_eq!(
                (e.kind, e.message.as_str()),
                (Kind::Privilege, message),
                "{sql}"
            );
        }
    }
}

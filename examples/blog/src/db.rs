//! The database: connections to one file of `SQLite`'s, lent one at a time, and what the blog asks of it.
//!
//! Everything here blocks, so it is asked by plain functions, which a server runs where they may.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use frasco::Error;
use rusqlite::{Connection, ErrorCode, OptionalExtension, Row, params};
use serde::Serialize;

/// The database, by its file.
#[derive(Debug)]
pub struct Db {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
}

/// Who writes.
#[derive(Debug, Clone, Serialize)]
pub struct User {
    /// The row's number.
    pub id: i64,
    /// As it was given; another of the same letters isn't taken.
    pub name: String,
}

/// What is read.
#[derive(Debug, Clone, Serialize)]
pub struct Post {
    /// The row's number.
    pub id: i64,
    /// Who wrote it.
    pub author: User,
    /// Seconds since 1970.
    pub created: i64,
    /// One line.
    pub title: String,
    /// Paragraphs, with empty lines between them.
    pub body: String,
    /// The picture's file, in the folder of uploads.
    pub picture: Option<String>,
}

/// What a form says of a post.
#[derive(Debug, Clone)]
pub struct Draft<'a> {
    /// One line.
    pub title: &'a str,
    /// Paragraphs.
    pub body: &'a str,
    /// The new picture; `None` leaves the one that is there.
    pub picture: Option<&'a str>,
}

impl Db {
    /// Opens the file, and makes what isn't in it.
    ///
    /// # Errors
    ///
    /// The file can't be opened, or is no database.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let db = Self { path: path.to_owned(), idle: Mutex::default() };
        // Workers start together, and `SQLite` waits for nobody where the kind of journal changes.
        let turn = File::create(path.with_extension("lock"))?;
        turn.lock()?;
        db.with(|connection| {
            connection.pragma_update(None, "journal_mode", "wal")?;
            connection.execute_batch(include_str!("schema.sql"))
        })?;
        Ok(db)
    }

    /// Lends a connection; one that failed is used on, as `SQLite`'s are.
    fn with<T>(
        &self,
        ask: impl FnOnce(&Connection) -> Result<T, rusqlite::Error>,
    ) -> Result<T, rusqlite::Error> {
        let idle = || self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = idle().pop();
        let connection = kept.map_or_else(|| self.connect(), Ok)?;
        let answer = ask(&connection);
        idle().push(connection);
        answer
    }

    fn connect(&self) -> Result<Connection, rusqlite::Error> {
        let connection = Connection::open(&self.path)?;
        connection.busy_timeout(Duration::from_secs(5))?;
        connection.pragma_update(None, "foreign_keys", true)?;
        Ok(connection)
    }

    /// Adds a user; `None` if the name is taken.
    ///
    /// # Errors
    ///
    /// The database fails.
    pub fn add_user(&self, name: &str, password: &str) -> Result<Option<User>, Error> {
        let added = self.with(|connection| {
            connection
                .execute("insert into user (name, password) values (?1, ?2)", params![name, password])?;
            Ok(User { id: connection.last_insert_rowid(), name: name.to_owned() })
        });
        match added {
            Err(rusqlite::Error::SqliteFailure(error, _)) if error.code == ErrorCode::ConstraintViolation => {
                Ok(None)
            }
            added => Ok(Some(added?)),
        }
    }

    /// A user by number.
    ///
    /// # Errors
    ///
    /// The database fails.
    pub fn user(&self, id: i64) -> Result<Option<User>, Error> {
        let query = "select id, name from user where id = ?1";
        let user = |row: &Row<'_>| Ok(User { id: row.get(0)?, name: row.get(1)? });
        Ok(self.with(|connection| connection.query_row(query, [id], user).optional())?)
    }

    /// A user by name, with the password's hash.
    ///
    /// # Errors
    ///
    /// The database fails.
    pub fn user_named(&self, name: &str) -> Result<Option<(User, String)>, Error> {
        let query = "select id, name, password from user where name = ?1";
        let user = |row: &Row<'_>| Ok((User { id: row.get(0)?, name: row.get(1)? }, row.get(2)?));
        Ok(self.with(|connection| connection.query_row(query, [name], user).optional())?)
    }

    /// Some posts, the newest first, and how many there are.
    ///
    /// # Errors
    ///
    /// The database fails.
    pub fn posts(&self, skip: u32, most: u32) -> Result<(Vec<Post>, u32), Error> {
        let query = format!("{POST} order by created desc, post.id desc limit ?1 offset ?2");
        Ok(self.with(|connection| {
            let mut statement = connection.prepare_cached(&query)?;
            let posts = statement.query_map([most, skip], post)?.collect::<Result<_, _>>()?;
            let count = connection.query_row("select count(*) from post", [], |row| row.get(0))?;
            Ok((posts, count))
        })?)
    }

    /// A post by number.
    ///
    /// # Errors
    ///
    /// The database fails.
    pub fn post(&self, id: i64) -> Result<Option<Post>, Error> {
        let query = format!("{POST} where post.id = ?1");
        Ok(self.with(|connection| connection.query_row(&query, [id], post).optional())?)
    }

    /// Adds a post; its number.
    ///
    /// # Errors
    ///
    /// The database fails.
    pub fn add_post(&self, author: i64, draft: &Draft<'_>) -> Result<i64, Error> {
        Ok(self.with(|connection| {
            connection.execute(
                "insert into post (author, title, body, picture) values (?1, ?2, ?3, ?4)",
                params![author, draft.title, draft.body, draft.picture],
            )?;
            Ok(connection.last_insert_rowid())
        })?)
    }

    /// Changes a post.
    ///
    /// # Errors
    ///
    /// The database fails.
    pub fn change_post(&self, id: i64, draft: &Draft<'_>) -> Result<(), Error> {
        self.with(|connection| {
            connection.execute(
                "update post set title = ?2, body = ?3, picture = coalesce(?4, picture) where id = ?1",
                params![id, draft.title, draft.body, draft.picture],
            )
        })?;
        Ok(())
    }

    /// Takes a post away.
    ///
    /// # Errors
    ///
    /// The database fails.
    pub fn remove_post(&self, id: i64) -> Result<(), Error> {
        self.with(|connection| connection.execute("delete from post where id = ?1", [id]))?;
        Ok(())
    }
}

const POST: &str = "select post.id, user.id, user.name, created, title, body, picture \
     from post join user on user.id = post.author";

fn post(row: &Row<'_>) -> Result<Post, rusqlite::Error> {
    Ok(Post {
        id: row.get(0)?,
        author: User { id: row.get(1)?, name: row.get(2)? },
        created: row.get(3)?,
        title: row.get(4)?,
        body: row.get(5)?,
        picture: row.get(6)?,
    })
}

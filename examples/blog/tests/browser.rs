//! The blog in a real browser: registered, written in, read on a phone and on a desktop, with a picture of every page.
//!
//! Needs `chromium` and `chromedriver`, which `./check tools` installs. The pictures are in the target folder, under
//! `tmp/blog-screenshots`, for people to look at; what a machine can tell of them is asserted by `looks.js`: that nothing is wider
//! than the window, that letters and what is touched are large enough, that text stands out from its ground.
#![expect(clippy::unwrap_used, reason = "a test stops where it can't go on")]

use std::error::Error;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use rustix::process::{Pid, Signal, kill_process};

type Failure = Box<dyn Error + Send + Sync>;

/// Width and height of a phone and of a desktop.
const WINDOWS: [(&str, u32, u32); 2] = [("phone", 390, 844), ("desktop", 1280, 800)];

#[test]
fn the_blog_can_be_used_and_looks_right_on_a_phone_and_on_a_desktop() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let blog = Process::blog(folder.path());
    let driver = Process::driver();
    runtime.block_on(async {
        let client = connect(&driver.address, folder.path()).await.unwrap();
        let visited = visit(&client, &blog.address, folder.path()).await;
        client.close().await.unwrap();
        visited.unwrap();
    });
}

/// A visit from the first page to the last.
async fn visit(client: &Client, address: &str, folder: &Path) -> Result<(), Failure> {
    let home = format!("http://{address}/");
    client.goto(&home).await?;
    pictures(client, "empty").await?;
    register(client).await?;
    write(client, &home, folder).await?;

    client.goto(&home).await?;
    assert_eq!(client.find_all(Locator::Css(".card")).await?.len(), 5);
    pictures(client, "index").await?;
    click(client, "a[rel=next]").await?;
    shows(client, ".pages span:not(:empty)", "2 of 2").await?;
    assert_eq!(client.find_all(Locator::Css(".card")).await?.len(), 2);

    click(client, ".card h2 a").await?;
    shows(client, "main .row a.button", "Edit").await?;
    click(client, "main .row a.button").await?;
    shows(client, "h1", "Edit post").await?;
    fill(client, &[("title", "A note that was changed")]).await?;
    submit(client).await?;
    shows(client, "h1", "A note that was changed").await?;
    click(client, "button.danger").await?;
    shows(client, ".flash", "Your post is deleted.").await?;

    client.goto(&format!("{home}nowhere")).await?;
    pictures(client, "not-found").await?;
    click(client, "header form button").await?;
    shows(client, ".flash", "You have logged out.").await?;
    client.goto(&format!("{home}post/new")).await?;
    shows(client, "h1", "Log in").await?; // who isn't logged in is sent to do so
    pictures(client, "login").await?;
    fill(client, &[("name", "ada"), ("password", "analytical engine")]).await?;
    submit(client).await?;
    shows(client, "h1", "New post").await?; // and then where they wanted to go
    Ok(())
}

async fn register(client: &Client) -> Result<(), Failure> {
    click(client, "header a.button").await?;
    shows(client, "h1", "Register").await?;
    pictures(client, "register").await?;
    fill(client, &[("name", "Ada"), ("password", "short")]).await?;
    submit(client).await?;
    shows(client, ".flash.error", "A password has eight characters or more.").await?;
    pictures(client, "register-refused").await?;
    fill(client, &[("password", "analytical engine")]).await?;
    submit(client).await?;
    shows(client, ".flash", "Welcome, Ada.").await?;
    Ok(())
}

/// Seven posts, the last with a picture.
async fn write(client: &Client, home: &str, folder: &Path) -> Result<(), Failure> {
    for number in 1..=7 {
        client.goto(&format!("{home}post/new")).await?;
        let title = format!("Note {number}: on the number of things that one can say in a line");
        fill(client, &[("title", &title), ("body", BODY)]).await?;
        if number == 7 {
            pictures(client, "write").await?;
            let file = folder.join("picture.png");
            std::fs::write(&file, include_bytes!("picture.png"))?;
            let input = client.find(Locator::Css("input[type=file]")).await?;
            input.send_keys(file.to_str().ok_or("a path of text")?).await?;
        }
        submit(client).await?;
        shows(client, "h1", &title).await?;
    }
    pictures(client, "post").await?;
    let width = client.execute("return document.querySelector('.post img').naturalWidth", Vec::new()).await?;
    assert_eq!(width, 1200, "the picture is there");
    Ok(())
}

async fn click(client: &Client, selector: &str) -> Result<(), Failure> {
    Ok(client.find(Locator::Css(selector)).await?.click().await?)
}

async fn fill(client: &Client, fields: &[(&str, &str)]) -> Result<(), Failure> {
    for (name, value) in fields {
        let field = client.find(Locator::Css(&format!("main [name={name}]"))).await?;
        field.clear().await?;
        field.send_keys(value).await?;
    }
    Ok(())
}

async fn submit(client: &Client) -> Result<(), Failure> {
    click(client, "main form.stack button").await
}

/// Waits until the page shows a text: a click may return before its answer has come.
async fn shows(client: &Client, selector: &str, wanted: &str) -> Result<(), Failure> {
    let mut found = String::new();
    for _ in 0..PATIENCE {
        // An element may go with its page between the two.
        if let Ok(element) = client.find(Locator::Css(selector)).await
            && let Ok(text) = element.text().await
        {
            if text == wanted {
                return Ok(());
            }
            found = text;
        }
        tokio::time::sleep(PAUSE).await;
    }
    Err(format!("{selector} shows {found:?}, not {wanted:?}").into())
}

/// How often is looked, before a text that doesn't come is a failure.
const PATIENCE: usize = 1200;

/// How long is waited between two looks.
const PAUSE: Duration = Duration::from_millis(50);

/// Takes a picture of a page in each window, and looks at what a machine can see.
async fn pictures(client: &Client, name: &str) -> Result<(), Failure> {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("blog-screenshots");
    std::fs::create_dir_all(&folder)?;
    for (window, width, height) in WINDOWS {
        client.set_window_size(width, height).await?;
        std::fs::write(folder.join(format!("{name}-{window}.png")), client.screenshot().await?)?;
        let faults = client.execute(include_str!("looks.js"), Vec::new()).await?;
        assert_eq!(faults.as_array().map(Vec::as_slice), Some(&[][..]), "{name} on a {window}");
    }
    Ok(())
}

async fn connect(driver: &str, folder: &Path) -> Result<Client, Failure> {
    let profile = format!("--user-data-dir={}", folder.join("profile").display());
    let arguments = [
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        &profile,
    ];
    let wanted = serde_json::json!({ "goog:chromeOptions": { "args": arguments } });
    let wanted = serde_json::from_value(wanted)?;
    let mut builder = ClientBuilder::new(HttpConnector::new());
    Ok(builder.capabilities(wanted).connect(&format!("http://{driver}")).await?)
}

/// A process that says where it listens; ended with the test.
struct Process {
    child: Child,
    address: String,
}

impl Process {
    fn blog(folder: &Path) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rsgi-blog"));
        command.args(["--bind", "127.0.0.1:0", "-w", "2", "--errorlog", "stdout", "--no-control-socket"]);
        command.env("FRASCO_BLOG__FOLDER", folder.join("blog")).current_dir(folder);
        Self::start(command, |line| {
            let (_, rest) = line.split_once("Listening at: ")?;
            rest.split_once("://")?.1.split(' ').next().map(str::to_owned)
        })
    }

    fn driver() -> Self {
        let mut command = Command::new("chromedriver");
        command.arg("--port=0");
        Self::start(command, |line| {
            let (_, port) = line.split_once("started successfully on port ")?;
            Some(format!("127.0.0.1:{}", port.trim_end_matches('.')))
        })
    }

    fn start(mut command: Command, address: impl Fn(&str) -> Option<String>) -> Self {
        let name = command.get_program().to_string_lossy().into_owned();
        let child = command.stdout(Stdio::piped()).spawn();
        let mut child = child.unwrap_or_else(|error| panic!("{name}: {error}; ./check tools installs it"));
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let said = |line: &String| eprintln!("{line}");
        let address = lines.by_ref().map_while(Result::ok).inspect(said).find_map(|line| address(&line));
        // What else it says is read, or it would wait for room some day.
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(|line| said(&line)));
        let address = address.unwrap_or_else(|| panic!("{name} says nowhere to listen"));
        Self { child, address }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _gone = kill_process(Pid::from_child(&self.child), Signal::TERM);
        let _status = self.child.wait();
    }
}

const BODY: &str = "It was the first page of the book, and nobody had written in it. So I did, and then I went on.\n\n\
     What follows is longer: a paragraph with enough words to fill some lines on a telephone, and fewer of them on a desk, where \
     one reads from farther away and with more light.";

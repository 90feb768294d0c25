//! Django: a shop's project on `SQLite`, its admin used as by a browser, files up and down, and faults.

use std::fs;
use std::path::Path;
use std::process::Command;

use rsgi_test::{Answer, Client};
use rsgi_tests::driving::{Scratch, printed};

use crate::served::{Application, Host, Served, digest, environment, has, in_environment, noise, sources};

const SHOP: Application = Application { needs: "django", folder: "shop", name: "wsgi:application" };

#[test]
fn the_admin_is_used_as_by_a_browser() {
    shop(&SHOP, |served| {
        let browser = Client::live(&format!("http://{}", served.address)).unwrap();
        let browser = browser.keep_cookies().follow_redirects(3);
        // Nobody comes in without the form.
        let login = browser.get("/admin/").answer();
        assert!(login.text().contains("<title>Log in"), "{}", login.text());
        assert_eq!(login.history()[0].field("location"), Some("/admin/login/?next=/admin/"));
        let wrong = send(&browser, "/admin/login/", &[("username", "admin"), ("password", "wrong")]);
        assert!(wrong.text().contains("Please enter the correct username and password"), "{}", wrong.text());
        let forged =
            browser.post("/admin/login/").form(&[("username", "admin"), ("password", "secret")]).answer();
        assert_eq!(forged.status(), 403, "a form without the token");
        let inside = send(
            &browser,
            "/admin/login/?next=/admin/",
            &[("username", "admin"), ("password", "secret"), ("next", "/admin/")],
        );
        assert!(inside.text().contains("Site administration"), "{}", inside.text());
        assert_eq!(inside.history().len(), 1);

        let added = send(
            &browser,
            "/admin/catalogue/product/add/",
            &[("name", "\u{c4}pfel & <b>"), ("price", "1.50")],
        );
        assert!(added.text().contains("was added successfully"), "{}", added.text());
        assert!(added.text().contains("\u{c4}pfel &amp; &lt;b&gt;") && added.text().contains("1.50"));
        let invalid = send(&browser, "/admin/catalogue/product/add/", &[("name", ""), ("price", "x")]);
        assert!(invalid.text().contains("This field is required"), "{}", invalid.text());
        let changed =
            send(&browser, "/admin/catalogue/product/1/change/", &[("name", "Pears"), ("price", "2")]);
        assert!(changed.text().contains("was changed successfully"), "{}", changed.text());
        let found = browser.get("/admin/catalogue/product/?q=pea").answer();
        assert!(found.text().contains("1 product"), "{}", found.text());
        let deleted = send(&browser, "/admin/catalogue/product/1/delete/", &[("post", "yes")]);
        assert!(deleted.text().contains("was deleted successfully"), "{}", deleted.text());
        assert!(deleted.text().contains("0 products"));

        let token = token(&deleted);
        let out = browser.post("/admin/logout/").form(&[("csrfmiddlewaretoken", &token)]).answer();
        assert!(out.text().contains("Logged out"), "{}", out.text());
        assert!(browser.get("/admin/").answer().text().contains("<title>Log in"));
        // Each answer was closed.
        for _ in 0..20 {
            served.log().said("request finished");
        }
    });
}

#[test]
fn files_go_up_by_the_admin_and_down_again() {
    shop(&SHOP, |served| {
        let browser = logged_in(served);
        // More than Django keeps in memory.
        let content = noise(4_000_000);
        let page = browser.get("/admin/catalogue/product/add/").answer();
        let field = |name: &str, value: &str| {
            format!("--edge\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
        };
        let fields =
            [field("csrfmiddlewaretoken", &token(&page)), field("name", "Plans"), field("price", "3")];
        let head = "--edge\r\nContent-Disposition: form-data; name=\"sheet\"; filename=\"plans.bin\"\r\n\
                    Content-Type: application/octet-stream\r\n\r\n";
        let form = [fields.concat().as_bytes(), head.as_bytes(), &content, b"\r\n--edge--\r\n"].concat();
        let post = browser.post("/admin/catalogue/product/add/");
        let added = post.header("content-type", "multipart/form-data; boundary=edge").body(form).answer();
        assert!(added.text().contains("was added successfully"), "{}", added.text());
        let down = served.get("/sheet/1");
        assert_eq!(down.field("content-disposition"), Some("attachment; filename=\"plans.bin\""));
        assert_eq!(down.field("content-length"), Some("4000000"));
        assert_eq!(digest(down.body()), digest(&content));
        let head = served.ask(served.client.head("/sheet/1"));
        assert_eq!((head.field("content-length"), head.body().len()), (Some("4000000"), 0));
        send(&browser, "/admin/catalogue/product/add/", &[("name", "Apples"), ("price", "1.5")]);
        assert_eq!(served.get("/prices").text(), "Apples;1.50\nPlans;3.00\n");
    });
}

#[test]
fn static_files_are_served_by_white_noise_and_by_django() {
    for (name, needs) in [("wsgi:application", "whitenoise"), ("wsgi:static", "django")] {
        if !has(needs) {
            continue;
        }
        shop(&Application { name, ..SHOP }, |served| {
            let sheet = served.get("/static/admin/css/base.css");
            assert_eq!(sheet.status(), 200);
            assert!(sheet.field("content-type").unwrap().starts_with("text/css"));
            assert_eq!(sheet.field("content-length").unwrap(), sheet.body().len().to_string());
            assert!(sheet.text().contains("DJANGO Admin styles"));
            let day = sheet.field("last-modified").unwrap();
            let again = served.client.get("/static/admin/css/base.css").header("if-modified-since", day);
            let again = served.ask(again);
            assert_eq!((again.status(), again.body().len()), (304, 0));
            assert_eq!(served.client.get("/static/admin/none.css").answer().status(), 404);
        });
    }
}

#[test]
fn django_refuses_and_reports_as_ever() {
    shop(&SHOP, |served| {
        let foreign = served.ask(served.client.get("/admin/").header("host", "evil.example"));
        assert_eq!(foreign.status(), 400);
        let fault = served.get("/fault");
        assert_eq!((fault.status(), fault.text().contains("Server Error (500)")), (500, true));
        served.log().said("Internal Server Error: /fault");
        served.log().said("RuntimeError: a fault of a view");
        assert_eq!(served.get("/nowhere").status(), 404);
        // Django reads as much as was announced, and nothing of content whose length is unknown.
        assert_eq!(served.ask(served.client.post("/length").body("12345")).text(), "5 5");
        if served.host != Host::Gunicorn {
            // Which takes what was left of it for the next request.
            let unknown = served.client.post("/length").pieces(vec!["123"]).answer();
            assert_eq!(unknown.text(), "none 0");
        }
        assert_eq!(served.get("/length").text(), "none 0");
    });
}

/// Has a shop served with a database of its own, in which `admin` can log in.
fn shop(application: &Application, ask: impl Fn(&mut Served)) {
    if !application.is_here() {
        return;
    }
    let made = Scratch::new("shop");
    let manage = |arguments: &[&str]| {
        let mut command = Command::new(environment().join("bin/python"));
        command.current_dir(sources().join("shop")).arg("manage.py").args(arguments);
        command.env("SHOP", &*made).env("DJANGO_SUPERUSER_PASSWORD", "secret");
        printed(in_environment(&mut command)).unwrap();
    };
    manage(&["migrate"]);
    manage(&["createsuperuser", "--noinput", "--username", "admin", "--email", "admin@shop.example"]);
    let prepare = |command: &mut Command, place: &Path| {
        fs::copy(made.join("shop.sqlite3"), place.join("shop.sqlite3")).unwrap();
        command.env("SHOP", place);
    };
    application.alike_with(prepare, ask);
}

fn logged_in(served: &Served) -> Client {
    let client = Client::live(&format!("http://{}", served.address)).unwrap();
    let client = client.keep_cookies().follow_redirects(3);
    let inside =
        send(&client, "/admin/login/", &[("username", "admin"), ("password", "secret"), ("next", "/admin/")]);
    assert!(inside.text().contains("Site administration"), "{}", inside.text());
    client
}

/// Gets a form, fills it in and sends it, as a browser does.
fn send(browser: &Client, target: &str, fields: &[(&str, &str)]) -> Answer {
    let token = token(&browser.get(target).answer());
    let fields = [&[("csrfmiddlewaretoken", &*token)], fields].concat();
    browser.post(target).form(&fields).answer()
}

/// What a form must send back, or it is taken for another site's.
fn token(page: &Answer) -> String {
    let (_, rest) = page.text().split_once("name=\"csrfmiddlewaretoken\" value=\"").unwrap();
    rest.split_once('"').unwrap().0.to_owned()
}

//! The shipped files as well-kept linters read them; `deploy/lint/requirements.txt` names those.

use std::path::Path;
use std::process::Command;

use rsgi_tests::driving::{Scratch, printed};
use rsgi_tests::shipped;

/// A linter in the folder that `./check tools` makes, a package of Python or of node.
fn linter(name: &str) -> Command {
    let folders = ["bin", "node_modules/.bin"].map(|folder| shipped::path(".venv").join(folder));
    let found = folders.iter().map(|folder| folder.join(name)).find(|program| program.is_file());
    let mut command =
        Command::new(found.unwrap_or_else(|| panic!("{name} is missing: ./check tools installs it")));
    command.current_dir(shipped::root());
    command
}

fn expect_clean(command: &mut Command) {
    printed(command).unwrap_or_else(|said| panic!("{command:?}:\n{said}"));
}

#[test]
fn the_dockerfile_pleases_hadolint() {
    expect_clean(linter("hadolint").args(["--failure-threshold", "style", "deploy/docker/Dockerfile"]));
}

#[test]
fn the_compose_file_pleases_compose_lint() {
    // Pinning to a digest (CL-0019) is for who deploys: an example would only grow old.
    let rules = shipped::path("lint/compose-lint.yaml");
    let mut command = linter("compose-lint");
    command.args(["--fail-on", "low", "--config"]).arg(rules).arg("deploy/docker/compose.yaml");
    expect_clean(&mut command);
}

#[test]
fn the_compose_file_follows_its_schema() {
    let check = |file: &Path| {
        let rules = shipped::path("lint/dclint.yaml");
        printed(linter("dclint").args(["--max-warnings", "0", "--config"]).arg(rules).arg(file))
    };
    check(&shipped::path("docker/compose.yaml")).unwrap();
    // It is a check that finds something.
    let place = Scratch::new("compose");
    let wrong = place.join("compose.yaml");
    std::fs::write(&wrong, shipped::adapted("docker/compose.yaml", &[("cap_drop", "caps_drop")])).unwrap();
    assert!(check(&wrong).is_err());
}

#[test]
fn the_manifests_follow_kubernetes_own_schemas() {
    let folder = shipped::path("kubernetes");
    let manifests: Vec<_> = folder.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(manifests.len() >= 3);
    expect_clean(linter("kubernetes-validate").arg("--strict").args(&manifests));
    // It is a check that finds something.
    let place = Scratch::new("manifest");
    let wrong = place.join("wrong.yaml");
    std::fs::write(&wrong, shipped::text("kubernetes/service.yaml").replace("targetPort", "targetPorts"))
        .unwrap();
    assert!(printed(linter("kubernetes-validate").arg("--strict").arg(&wrong)).is_err());
}

#[test]
fn all_yaml_pleases_yamllint() {
    let rules = shipped::path("lint/yamllint.yaml");
    expect_clean(linter("yamllint").arg("--strict").arg("-c").arg(rules).args([
        "deploy/docker",
        "deploy/kubernetes",
        "deploy/lint",
    ]));
}

#[test]
fn nginxs_site_pleases_gixy() {
    let site: &Path = &shipped::path("nginx/site.conf");
    let said = printed(linter("gixy").arg(site)).unwrap();
    assert!(said.contains("No issues found"), "{said}");
}

//! The picture of a run: a page that needs nothing else, and that a browser draws.

#![expect(clippy::unwrap_used, reason = "a test that cannot run the simulator has failed")]

use std::env;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use redpoll_sim::history::Verdict;
use redpoll_sim::picture::Picture;
use redpoll_sim::plan::Plan;
use redpoll_sim::run::{Outcome, run};

/// Where browsers are looked for, if `REDPOLL_CHROMIUM` does not say.
const BROWSERS: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "chrome"];

/// Markup that a page must not take for its own.
const MARKUP: &str = "</script><img src=x>&amp;";

/// A run that breaks a promise, and in which a client sends markup.
fn failing(proxies: usize) -> (Plan, Outcome) {
    let mut plan = Plan::draw(3);
    plan.setup.proxies = proxies;
    let commands = &mut plan.scripts[1].commands;
    commands[3] = ["SADD", "t:1:0", "1001000900"].map(str::to_owned).into();
    commands[4] = vec!["ECHO".to_owned(), format!("1001000004:{MARKUP}")];
    let outcome = run(&plan, true);
    (plan, outcome)
}

fn picture(plan: &Plan, outcome: &Outcome) -> Picture {
    Picture::of("a failing plan", "0123456789ab", plan, outcome)
}

/// A browser; `None` if there is none and nobody says that there is.
fn browser() -> Option<PathBuf> {
    if let Some(named) = env::var_os("REDPOLL_CHROMIUM") {
        return Some(named.into());
    }
    let folders: Vec<_> = env::split_paths(&env::var_os("PATH").unwrap_or_default()).collect();
    let mut places = BROWSERS.iter().flat_map(|name| folders.iter().map(move |f| f.join(name)));
    places.find(|place| place.is_file())
}

/// What a browser makes of a page.
fn drawn(browser: &PathBuf, name: &str, page: &str) -> String {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    drop(fs::remove_dir_all(&folder));
    fs::create_dir_all(&folder).unwrap();
    let file = folder.join("run.html");
    fs::write(&file, page).unwrap();
    let output = Command::new(browser)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"])
        .args(["--disable-component-update", "--disable-sync", "--no-first-run"])
        .args(["--virtual-time-budget=10000", "--window-size=1600,1000", "--dump-dom"])
        .arg(format!("--user-data-dir={}", folder.join("profile").display()))
        .arg(format!("file://{}", file.display()))
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let page = String::from_utf8(output.stdout).unwrap();
    // Behind the picture is what it was drawn from.
    page.split("<script").next().unwrap().to_owned()
}

fn count(text: &str, part: &str) -> usize {
    text.matches(part).count()
}

#[test]
fn there_is_an_arrow_for_all_that_was_asked_and_heard() {
    let (plan, outcome) = failing(1);
    let [lanes, arrows, bars, violations] = picture(&plan, &outcome).counts();
    assert_eq!(lanes, plan.scripts.len() + 1 + plan.setup.nodes() + 1);
    let calls = || outcome.history.conversations.iter().flat_map(|c| &c.calls);
    let asked = calls().count();
    let heard = calls().filter(|call| call.verdict() != Verdict::Silence).count();
    let executed = outcome.history.executions.len();
    // What nodes executed was sent and answered; what was sent in vain comes on top.
    assert!(arrows >= asked + heard + 2 * executed, "{arrows} {asked} {heard} {executed}");
    let sent = outcome.history.sendings.len();
    assert!(arrows <= asked + asked + executed + sent, "{arrows} {asked} {executed} {sent}");
    assert!(bars > 0 && bars <= outcome.history.faults.len());
    assert_eq!(violations, outcome.failures.len());
}

#[test]
fn the_page_needs_nothing_else_and_takes_nothing_for_its_own() {
    let (plan, outcome) = failing(1);
    let page = picture(&plan, &outcome).page();
    for outside in ["http:", "https:", "//cdn", " src=", " href=", "@import", "url(", "fetch("] {
        let own = page.replace(&MARKUP.replace('<', "\\u003c"), "");
        assert!(!own.contains(outside), "{outside}");
    }
    assert!(page.contains("default-src 'none'"), "and a browser holds it to that");
    assert!(!page.contains(MARKUP) && page.contains("\\u003c/script>\\u003cimg src=x>"));
    assert_eq!((count(&page, "<script"), count(&page, "</script>")), (2, 2));
    for place in ["/*data*/", "/*style*/", "/*script*/"] {
        assert!(!page.contains(place), "{place} is left");
    }
}

#[test]
fn a_browser_draws_lanes_arrows_bars_and_the_violation() {
    let Some(browser) = browser() else {
        eprintln!("SKIPPED: no Chromium; install it, or say with REDPOLL_CHROMIUM where it is");
        return;
    };
    let (plan, outcome) = failing(1);
    let picture = picture(&plan, &outcome);
    let [lanes, arrows, bars, violations] = picture.counts();
    let page = drawn(&browser, "picture", &picture.page());
    assert_eq!(count(&page, "<g class=\"lane"), lanes, "{}", &page[..2_000]);
    assert_eq!(count(&page, "<g class=\"arrow "), arrows);
    assert_eq!(count(&page, "<g class=\"label "), arrows);
    assert_eq!(count(&page, "<g class=\"fault\""), bars);
    assert_eq!(count(&page, "<g class=\"violation\""), violations);
    assert!(page.contains("once (invariant 3) broken at "), "the violation is named");
    let broken =
        outcome.history.sendings.iter().filter(|s| s.args.ends_with(&[b"1001000900".into()]));
    let marked = count(&page, "<g class=\"arrow send broken\"");
    assert!(marked == broken.count() && marked > 0, "{marked} arrows are marked");
    assert_eq!(count(&page, "<img"), 0, "what clients send is shown, not obeyed");
}

#[test]
fn who_says_nothing_has_no_lane() {
    let (mut plan, _) = failing(1);
    plan.scripts[0].commands.clear();
    let picture = picture(&plan, &run(&plan, true));
    let [lanes, ..] = picture.counts();
    assert_eq!(lanes, plan.scripts.len() - 1 + 1 + plan.setup.nodes() + 1);
    let Some(browser) = browser() else {
        eprintln!("SKIPPED: no Chromium; install it, or say with REDPOLL_CHROMIUM where it is");
        return;
    };
    let page = drawn(&browser, "picture-of-an-idle-client", &picture.page());
    assert_eq!(count(&page, "<g class=\"lane"), lanes, "{}", &page[..2_000]);
    assert_eq!(count(&page, "data-lane=\"client-0\""), 0);
}

#[test]
fn several_proxies_have_a_lane_each_with_arrows_of_its_own() {
    let (plan, outcome) = failing(2);
    let picture = picture(&plan, &outcome);
    let [lanes, arrows, ..] = picture.counts();
    assert_eq!(lanes, plan.scripts.len() + 2 + plan.setup.nodes() + 1);
    let Some(browser) = browser() else {
        eprintln!("SKIPPED: no Chromium; install it, or say with REDPOLL_CHROMIUM where it is");
        return;
    };
    let page = drawn(&browser, "picture-of-two", &picture.page());
    for lane in ["proxy-0", "proxy-1"] {
        assert_eq!(count(&page, &format!("<g class=\"lane proxy\" data-lane=\"{lane}\"")), 1);
    }
    assert_eq!(count(&page, "<g class=\"lane proxy\""), 2);
    assert_eq!(count(&page, "<g class=\"arrow "), arrows);
}

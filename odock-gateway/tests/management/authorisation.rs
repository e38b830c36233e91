//! Every route of the document against every kind of caller, from two organisations.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::Api;

/// Every operation of the document: method, path as documented, and a path that can be called.
fn operations() -> Vec<(Method, String, String)> {
    let document = serde_json::to_value(odock_gateway::management::openapi()).unwrap();
    let mut operations = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys() {
            let method: Method = method.to_uppercase().parse().unwrap();
            let concrete = path
                .replace("{organisation}", "acme")
                .replace("{provider}", "openai")
                .replace("{id}", "019a0000-0000-7000-8000-000000000000")
                .replace("{name}", "nothing-of-that-name")
                .replace("{member}", "x")
                .replace("{key}", "x")
                .replace("{model}", "x")
                .replace("{request}", "x");
            operations.push((method, path.clone(), concrete));
        }
    }
    assert!(operations.len() > 60, "the document lost its routes");
    operations
}

/// What a call leads to, as far as authorisation goes.
async fn outcome(api: &Api, method: &Method, path: &str, token: Option<&str>) -> StatusCode {
    let mut request = http::Request::builder().method(method).uri(path);
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    // Not JSON on purpose: whoever gets past the guard is refused for that, or served, and changes nothing.
    let response = api.open(request.header("content-type", "text/plain").body("x".into()).unwrap()).await;
    response.status()
}

fn matrix_row(matrix: &Value, method: &Method, path: &str) -> Value {
    let rows = matrix["rules"].as_array().unwrap();
    let found: Vec<&Value> =
        rows.iter().filter(|row| row["method"] == method.as_str() && row["path"] == path).collect();
    assert_eq!(found.len(), 1, "{method} {path} must stand in the table once");
    found[0].clone()
}

#[tokio::test]
async fn every_route_is_in_the_table_and_every_line_is_a_route() {
    let api = Api::start().await;
    let matrix = api.get("/api/auth/matrix", Some(&api.root)).await.expect(200).body;
    let operations = operations();
    for (method, path, _) in &operations {
        matrix_row(&matrix, method, path);
    }
    assert_eq!(operations.len(), matrix["rules"].as_array().unwrap().len());
}

#[tokio::test]
async fn every_cell_of_the_table_holds() {
    let api = Api::with_organisations().await;
    let matrix = api.get("/api/auth/matrix", Some(&api.root)).await.expect(200).body;
    let mut callers = vec![("SUPER_ADMIN", "-", api.root.clone())];
    for organisation in ["acme", "globex"] {
        for role in ["ORG_ADMIN", "MANAGER", "USER"] {
            let email = format!("{}@{organisation}.example", role.to_lowercase().replace('_', "-"));
            callers.push((role, organisation, api.member(organisation, &email, role).await));
        }
    }
    for (method, path, concrete) in operations() {
        let row = matrix_row(&matrix, &method, &path);
        let open = row["target"] == "open";
        let anonymous = outcome(&api, &method, &concrete, None).await;
        assert_eq!(anonymous == 401, !open, "{method} {path} without a token: {anonymous}");
        for (role, organisation, token) in &callers {
            // A live stream is answered before its end, and signing out would end the test's token.
            if path.ends_with("/sign-out") {
                continue;
            }
            let got = outcome(&api, &method, &concrete, Some(token)).await;
            let case = format!("{method} {path} as {role} of {organisation}: {got}");
            assert_ne!(got, 401, "{case}");
            let foreign = path.contains("{organisation}") && *organisation == "globex";
            if foreign {
                assert_eq!(got, 404, "another organisation does not exist: {case}");
            } else {
                assert_eq!(got == 403, row["roles"][role] == "deny", "{case}");
            }
        }
    }
}

#[tokio::test]
async fn a_token_that_may_only_read_changes_nothing() {
    let api = Api::with_organisations().await;
    let body = json!({"name": "reader", "scopes": ["read"]});
    let reader = api.post("/api/auth/tokens", Some(&api.root), body).await.expect(201).text("/secret");
    let matrix = api.get("/api/auth/matrix", Some(&reader)).await.expect(200).body;
    for (method, path, concrete) in operations() {
        let row = matrix_row(&matrix, &method, &path);
        if row["target"] == "open" || path.ends_with("/sign-out") {
            continue;
        }
        let got = outcome(&api, &method, &concrete, Some(&reader)).await;
        assert_eq!(got == 403, row["action"] == "write", "{method} {path}: {got}");
        // Questions with a body change nothing.
        let changes = method != Method::GET && !path.ends_with("/simulate") && !path.ends_with("/can-i");
        assert_eq!(row["action"] == "write", changes, "{method} {path} is told as {}", row["action"]);
    }
}

#[tokio::test]
async fn another_organisations_things_cannot_be_reached_through_ones_own() {
    let api = Api::with_organisations().await;
    let ada = api.member("acme", "ada@acme.example", "ORG_ADMIN").await;
    let body = json!({"name": "theirs", "spec": {}});
    let theirs = api.post("/api/organisations/globex/teams", Some(&api.root), body).await.expect(201).text("/id");
    for name in ["theirs", &theirs] {
        let path = format!("/api/organisations/acme/teams/{name}");
        api.get(&path, Some(&ada)).await.problem(404, "not_found");
        api.patch(&path, Some(&ada), json!({"description": "mine"})).await.problem(404, "not_found");
        api.delete(&path, Some(&ada)).await.problem(404, "not_found");
    }
    let organisation = api.get("/api/organisations/globex", Some(&api.root)).await.expect(200).text("/id");
    api.get(&format!("/api/organisations/{organisation}/teams"), Some(&ada)).await.problem(404, "not_found");
    api.get("/api/organisations/nowhere/teams", Some(&ada)).await.problem(404, "not_found");
    api.post("/api/organisations/nowhere/apply", Some(&ada), json!({"resources": []})).await.problem(404, "not_found");
    let own = api.get("/api/organisations/acme", Some(&ada)).await.expect(200);
    assert_eq!(own.text("/name"), "acme");
}

#[tokio::test]
async fn refusals_are_audited() {
    let api = Api::with_organisations().await;
    let ada = api.member("acme", "ada@acme.example", "USER").await;
    api.get("/api/organisations/acme/audit", Some(&ada)).await.problem(403, "forbidden");
    api.get("/api/organisations/globex/usage", Some(&ada)).await.problem(404, "not_found");
    let events = api.get("/api/organisations/acme/audit", Some(&api.root)).await.expect(200).body;
    let of_ada: Vec<String> = events["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|event| event["actor"] == "ada@acme.example" && event["verb"] == "refused")
        .map(|event| format!("{} {}", event["outcome"].as_str().unwrap(), event["name"].as_str().unwrap()))
        .collect();
    assert_eq!(of_ada, ["not_found organisations/globex/usage", "forbidden organisations/acme/audit"]);
}

#[tokio::test]
async fn nobody_grants_more_than_they_hold() {
    let api = Api::with_organisations().await;
    let ada = api.member("acme", "ada@acme.example", "ORG_ADMIN").await;
    let users = "/api/organisations/acme/users";
    let body = json!({"name": "eve@acme.example", "spec": {"role": "SUPER_ADMIN"}});
    assert_eq!(api.post(users, Some(&ada), body).await.problem(422, "invalid").errors(), ["/spec/role invalid"]);
    let own = format!("{users}/ada@acme.example");
    api.patch(&own, Some(&ada), json!({"role": "SUPER_ADMIN"})).await.problem(422, "invalid");
    let body = json!({"name": "eve@acme.example", "spec": {"role": "ORG_ADMIN"}});
    api.post(users, Some(&ada), body).await.expect(201);
    let body = json!({"name": "eve@example.com", "spec": {"role": "ORG_ADMIN"}});
    assert_eq!(
        api.post("/api/admin/users", Some(&api.root), body).await.problem(422, "invalid").errors(),
        ["/spec/role invalid"]
    );
    // Not even an organisation's own record.
    let manifest = json!({"apiVersion": "odock/v1", "kind": "Organisation", "metadata": {"name": "acme"}, "spec": {"displayName": "Mine"}});
    let refused = api.post("/api/organisations/acme/apply", Some(&ada), json!({"resources": [manifest]})).await;
    assert_eq!(refused.problem(403, "forbidden").errors(), ["/spec/displayName forbidden"]);
}

#[tokio::test]
async fn the_last_super_admin_stays() {
    let api = Api::with_organisations().await;
    let admin = "/api/admin/users/admin@localhost";
    api.patch(admin, Some(&api.root), json!({"status": "REVOKED"})).await.problem(409, "conflict");
    api.patch(admin, Some(&api.root), json!({"role": "USER"})).await.problem(422, "invalid");
    api.delete(admin, Some(&api.root)).await.problem(409, "conflict");
    let second = json!({"name": "root@example.com", "spec": {"role": "SUPER_ADMIN", "status": "PENDING"}});
    api.post("/api/admin/users", Some(&api.root), second).await.expect(201);
    api.delete(admin, Some(&api.root)).await.problem(409, "conflict");
    api.patch("/api/admin/users/root@example.com", Some(&api.root), json!({"status": "ACTIVE"})).await.expect(200);
    let second = api.sign_in("root@example.com").await;
    api.delete(admin, Some(&second)).await.expect(204);
    api.get("/api/whoami", Some(&api.root)).await.problem(401, "unauthorized");
    api.delete("/api/admin/users/root@example.com", Some(&second)).await.problem(409, "conflict");
}

#[tokio::test]
async fn the_people_of_a_suspended_organisation_administer_nothing() {
    let api = Api::with_organisations().await;
    let ada = api.member("acme", "ada@acme.example", "ORG_ADMIN").await;
    api.patch("/api/admin/organisations/acme", Some(&api.root), json!({"status": "SUSPENDED"})).await.expect(200);
    api.get("/api/organisations/acme/teams", Some(&ada)).await.problem(403, "forbidden");
    api.get("/api/whoami", Some(&ada)).await.expect(200);
    api.get("/api/organisations/acme/teams", Some(&api.root)).await.expect(200);
    api.patch("/api/admin/organisations/acme", Some(&api.root), json!({"status": "ACTIVE"})).await.expect(200);
    api.get("/api/organisations/acme/teams", Some(&ada)).await.expect(200);
}

//! The project of docs/clients/graphql-codegen.md, as it stands there: its types from schema.graphql, TypeScript's verdict on it, and its app at a
//! server that has its manifest.

use serde_json::{Value, json};
use tempfile::TempDir;
use tiffin_tests::{City, Database, workspace};

#[test]
fn an_app_with_generated_types_runs_with_named_documents() {
    tiffin_tests::run(async {
        let folder = TempDir::new().unwrap();
        let project = folder.path().display().to_string();
        // What is generated, or the types of the app, being wrong fails it.
        let manifest: String =
            serde_json::from_str(&workspace::node_script("codegen.mjs", &[&project, "generates"]).await).unwrap();

        let settings = [("TIFFIN_DOCUMENTS_MANIFESTS", manifest.as_str()), ("TIFFIN_DOCUMENTS_TRUSTED_ONLY", "true")];
        let mut city = City::with_settings(Database::Sqlite, &settings).await;
        let restaurant =
            city.restaurant().named("Saffron").charging("USD", "2.99", "0.0825").dish("Phở", "14.50").create().await;
        let others = 60;
        for number in 0..others {
            city.restaurant().named(&format!("Table {number:02}")).create().await;
        }
        let ann = city.customer("Ann").await;
        let basket = restaurant.basket(&[(0, 2)]).to_string();
        let run = async |url: &str| {
            let arguments = [&*project, url, ann.access_token().unwrap(), &basket];
            serde_json::from_str::<Value>(&workspace::node_script("codegen.mjs", &arguments).await).unwrap()
        };

        let told = run(&city.server().url("/graphql")).await;
        let named = &told["named"];
        assert_eq!(named["restaurants"].as_array().unwrap().len(), others + 1, "{told}");
        assert_eq!(named["restaurants"][0], json!({ "name": "Saffron", "deliveryFee": "2.99" }));
        assert_eq!(named["shown"], json!(["34.38", "USD"]));
        assert_eq!(
            (&named["totalAmount"], &named["status"], &named["declined"]),
            (&json!("34.38"), &json!("PENDING"), &Value::Null)
        );
        // The manifest holds each document in a form of its own, so the text that the app has is none of its documents.
        assert_eq!(told["sent"], "FORBIDDEN");

        city.stop().await;
        let without = [("TIFFIN_DOCUMENTS_MANIFESTS", ""), ("TIFFIN_DOCUMENTS_TRUSTED_ONLY", "false")];
        let server = city.another_server_with(&without).await;
        let told = run(&server.url("/graphql")).await;
        assert_eq!(told["named"], "PERSISTED_QUERY_NOT_FOUND");
        assert_eq!(told["sent"]["totalAmount"], "34.38");
    });
}

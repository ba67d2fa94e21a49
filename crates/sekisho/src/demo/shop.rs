//! What the demo's services know and say: users, orders, stock, payments. Nothing is kept; what is sent is said back.

use hyper::{Method, StatusCode};
use serde_json::{Value, json};

/// A kind of service.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Shop {
    /// Who buys.
    Users,
    /// What was bought; this instance's name.
    Orders(&'static str),
    /// What there is.
    Inventory,
    /// What was paid.
    Payments,
}

/// A request as a service sees it.
pub(super) struct Asked<'a> {
    pub(super) method: &'a Method,
    /// Without the prefix that the gateway took away.
    pub(super) path: &'a str,
    pub(super) body: &'a [u8],
}

impl Shop {
    /// The instance's name, by which answers tell who gave them.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Users => "user-service",
            Self::Orders(name) => name,
            Self::Inventory => "inventory-service",
            Self::Payments => "payment-service",
        }
    }

    /// The answer: always a JSON object.
    pub(super) fn answer(self, asked: &Asked<'_>) -> (StatusCode, Value) {
        let path: Vec<_> = asked.path.split('/').filter(|segment| !segment.is_empty()).collect();
        match (asked.method, path.as_slice()) {
            (&Method::GET | &Method::HEAD, ["health"]) => (StatusCode::OK, json!({"status": "healthy"})),
            (&Method::GET | &Method::HEAD, []) => (StatusCode::OK, json!({ (self.plural()): self.rows() })),
            // What the gateway asks about whoever sends a request.
            (&Method::GET, ["internal", "users", id]) if self == Self::Users => match self.find(id) {
                Some(user) => (StatusCode::OK, user),
                None => (StatusCode::NOT_FOUND, json!({"error": "nobody has this id"})),
            },
            (&Method::GET | &Method::HEAD, [id]) => match self.find(id) {
                Some(row) => (StatusCode::OK, row),
                None => (StatusCode::NOT_FOUND, json!({"error": format!("nothing is known of `{id}`")})),
            },
            (&Method::POST, []) => written(StatusCode::CREATED, asked.body),
            (&Method::PUT, [_]) => written(StatusCode::OK, asked.body),
            (&Method::DELETE, [id]) => (StatusCode::OK, json!({"deleted": id})),
            (_, [] | [_]) => (
                StatusCode::METHOD_NOT_ALLOWED,
                json!({"error": "this service takes GET, POST, PUT and DELETE"}),
            ),
            _ => (StatusCode::NOT_FOUND, json!({"error": "this service has no such path"})),
        }
    }

    fn plural(self) -> &'static str {
        match self {
            Self::Users => "users",
            Self::Orders(_) => "orders",
            Self::Inventory => "items",
            Self::Payments => "payments",
        }
    }

    fn find(self, id: &str) -> Option<Value> {
        self.rows().as_array()?.iter().find(|row| row["id"] == id).cloned()
    }

    fn rows(self) -> Value {
        match self {
            Self::Users => json!([
                {"id": "u-1", "name": "Aiko Mori", "email": "aiko@shop.example", "isActive": true, "tier": "premium",
                 "roles": ["customer"],
                 "permissions": ["user:read", "order:read", "order:write", "inventory:read", "payment:write"]},
                {"id": "u-2", "name": "Jonas Lind", "email": "jonas@shop.example", "isActive": true, "tier": "basic",
                 "roles": ["customer"], "permissions": ["user:read", "order:read", "inventory:read"]},
                {"id": "u-3", "name": "Adaeze Obi", "email": "adaeze@shop.example", "isActive": false, "tier": "basic",
                 "roles": ["customer"], "permissions": []},
            ]),
            Self::Orders(_) => json!([
                {"id": "o-1", "user": "u-1", "items": [{"sku": "tea-green", "count": 2}], "total": 1_180, "state": "sent"},
                {"id": "o-2", "user": "u-2", "items": [{"sku": "cup-blue", "count": 4}], "total": 4_800, "state": "paid"},
            ]),
            Self::Inventory => json!([
                {"id": "tea-green", "name": "Green tea, 100 g", "price": 590, "stock": 112},
                {"id": "cup-blue", "name": "Blue cup", "price": 1_200, "stock": 31},
                {"id": "kettle-iron", "name": "Iron kettle", "price": 7_900, "stock": 0},
            ]),
            Self::Payments => json!([
                {"id": "p-1", "order": "o-1", "amount": 1_180, "state": "settled"},
            ]),
        }
    }
}

/// Says back what was sent.
fn written(status: StatusCode, body: &[u8]) -> (StatusCode, Value) {
    match serde_json::from_slice::<Value>(body) {
        Ok(received) => (status, json!({"state": "accepted", "received": received})),
        Err(_) => (StatusCode::BAD_REQUEST, json!({"error": "the body is no JSON"})),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_service_answers_in_objects() {
        for shop in [Shop::Users, Shop::Orders("order-service-2"), Shop::Inventory, Shop::Payments] {
            for (method, path, body, want) in [
                (Method::GET, "/", "", 200),
                (Method::HEAD, "/health", "", 200),
                (Method::GET, "/nobody", "", 404),
                (Method::GET, "/a/b/c", "", 404),
                (Method::POST, "/", "{\"amount\": 3}", 201),
                (Method::POST, "/", "three", 400),
                (Method::PUT, "/x", "[]", 200),
                (Method::DELETE, "/x", "", 200),
                (Method::PATCH, "/x", "", 405),
            ] {
                let (status, document) = shop.answer(&Asked { method: &method, path, body: body.as_bytes() });
                assert_eq!(status, want, "{shop:?} {method} {path}");
                assert!(document.is_object(), "{shop:?} {method} {path}: {document}");
            }
        }
    }

    #[test]
    fn finds_by_id_and_says_back_what_was_sent() {
        let get = |shop: Shop, path| shop.answer(&Asked { method: &Method::GET, path, body: b"" }).1;
        assert_eq!(get(Shop::Users, "/u-1")["name"], "Aiko Mori");
        assert_eq!(get(Shop::Users, "/internal/users/u-3")["isActive"], false);
        assert_eq!(get(Shop::Inventory, "/internal/users/u-3")["name"], json!(null));
        assert_eq!(get(Shop::Inventory, "/cup-blue")["price"], 1_200);
        assert_eq!(get(Shop::Orders("order-service-1"), "/")["orders"][1]["id"], "o-2");
        let post = Asked { method: &Method::POST, path: "/", body: b"{\"amount\": 3}" };
        assert_eq!(Shop::Payments.answer(&post).1["received"]["amount"], 3);
    }
}

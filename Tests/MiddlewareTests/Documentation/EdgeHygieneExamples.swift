import HTTPTypes
import Middleware
import MiddlewareTesting
import Testing

/// The code of `Documentation/EdgeHygiene.md`, checked as a composition besides.
@Suite("The examples of edge hygiene")
struct EdgeHygieneExamples {
    private func gateway() -> Pipeline {
        // snippet: hygiene-gateway
        let maintenance = Maintenance.Switch()
        let gateway = Pipeline {
            RequestID()
            AccessLog(format: .json)
            ClientAddress(trusting: ["10.0.0.0/8"])
            SecurityHeaders()
            CORS(allowing: ["https://app.example", "https://*.app.example"])
            Maintenance(maintenance)
            CSRF()
            ReverseProxy(to: "http://127.0.0.1:9000")
        }
        // end
        return gateway
    }

    private func crossOrigin() -> [any Middleware] {
        // snippet: hygiene-cors
        let pages = CORS(allowing: ["https://app.example", "https://*.app.example"])
        // end
        // snippet: hygiene-cors-customised
        var api = CORS.Configuration()
        api.allowsCredentials = true
        api.methods = .only([.get, .head, .post, .put, .patch, .delete])
        api.requestFields = .only([.contentType, .authorization])
        api.exposedFields = .only([.eTag, .xRequestID])
        api.maxAge = .seconds(3600)
        let signedIn = CORS(allowing: ["https://app.example", "http://localhost:*"], api)
        // end
        return [pages, signedIn]
    }

    private func forgery() -> [any Middleware] {
        // snippet: hygiene-csrf
        let own = CSRF()
        // end
        // snippet: hygiene-csrf-customised
        var forms = CSRF.Configuration()
        forms.trustedOrigins = ["https://app.example"]
        forms.exemptPaths = ["/saml/acs", "/webhooks/**"]
        let open = CSRF(forms)
        // end
        return [own, open]
    }

    private func fields() -> [any Middleware] {
        // snippet: hygiene-headers
        let safe = SecurityHeaders()
        let api = SecurityHeaders(.strict)
        // end
        // snippet: hygiene-headers-customised
        var site = SecurityHeaders.Configuration.safe
        site.transportSecurity?.includesSubdomains = true
        site.contentSecurityPolicy = "default-src 'self'; script-src 'nonce'; object-src 'none'; base-uri 'none'"
        site.permissions = PermissionsPolicy(denying: ["camera", "geolocation", "microphone"])
        let pages = Pipeline {
            SecurityHeaders(site)
            HandlerFunction { _, context in
                let nonce = context[ContentSecurityPolicyNonceKey.self] ?? ""
                var page = Response(.ok, body: .text("<script nonce=\"\(nonce)\">start()</script>"))
                page.headers[.contentType] = "text/html; charset=utf-8"
                page.headers[.cacheControl] = "no-store"  // a nonce is used once
                return page
            }
        }
        // end
        #expect(pages.blueprint.validate() == [])
        return [safe, api]
    }

    @Test("the examples are sound compositions")
    func sound() {
        let middlewares = crossOrigin() + forgery() + fields()
        #expect(gateway().blueprint.validate() == [])
        #expect(middlewares.flatMap { $0.blueprint.validate() } == [])
    }
}

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
            Maintenance(maintenance)
            CORS(allowing: ["https://app.example", "https://*.app.example"])
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

    private func redirects(target: String) throws -> [any Handler] {
        // snippet: hygiene-redirect
        let moved = Redirect(to: "https://www.example.com")  // path and query stay
        let secure = Redirect.toHTTPS()  // the host stays as well
        // end
        // snippet: hygiene-redirect-customised
        var version = Redirect.Configuration()
        version.status = .permanentRedirect
        version.path = .replacingPrefix("/v1", with: "/v2")
        let api = Redirect(version)

        let configured = try Redirect(parsing: target, status: .movedPermanently)
        // end
        return [moved, secure, api, configured]
    }

    private func answers() -> [any Handler] {
        // snippet: hygiene-static
        let robots = StaticResponse("User-agent: *\nDisallow: /private\n")
        // end
        // snippet: hygiene-static-customised
        var gone = StaticResponse.Configuration()
        gone.status = .gone
        gone.contentType = "text/html; charset=utf-8"
        gone.headers[.cacheControl] = "max-age=3600"
        let closed = StaticResponse("<!doctype html><title>Gone</title><p>This shop is closed.", gone)
        // end
        return [robots, closed]
    }

    private func pauses(maintenance: Maintenance.Switch) -> [any Middleware] {
        // snippet: hygiene-maintenance
        let pause = Maintenance(maintenance)
        maintenance.isOn = true  // from any thread, for instance from an administrator's handler
        // end
        // snippet: hygiene-maintenance-customised
        var night = Maintenance.Configuration()
        night.exempt = ["192.0.2.0/24", "2001:db8:17::/48"]
        night.retryAfter = .seconds(1800)
        night.page = "<!doctype html><title>Back soon</title><p>We are back at six."
        let announced = Maintenance(maintenance, night)
        // end
        return [pause, announced]
    }

    @Test("the examples are sound compositions")
    func sound() throws {
        let middlewares = crossOrigin() + forgery() + fields() + pauses(maintenance: Maintenance.Switch())
        let handlers = try redirects(target: "https://www.example.com/new") + answers()
        #expect(gateway().blueprint.validate() == [])
        #expect(middlewares.flatMap { $0.blueprint.validate() } == [])
        #expect(handlers.flatMap { $0.blueprint.validate() } == [])
    }
}

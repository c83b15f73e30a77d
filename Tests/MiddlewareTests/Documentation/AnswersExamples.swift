import HTTPTypes
import Middleware
import MiddlewareTesting
import Testing

/// The code of `Documentation/Answers.md`, checked as a composition besides.
@Suite("The examples of answers")
struct AnswersExamples {
    private func redirects(target: String) throws -> [any Handler] {
        // snippet: answers-redirect
        let moved = Redirect(to: "https://www.example.com")  // path and query stay
        let secure = Redirect.toHTTPS()  // the host stays as well
        // end
        // snippet: answers-redirect-customised
        var version = Redirect.Configuration()
        version.status = .permanentRedirect
        version.path = .replacingPrefix("/v1", with: "/v2")
        let api = Redirect(version)

        let configured = try Redirect(parsing: target, status: .movedPermanently)
        // end
        return [moved, secure, api, configured]
    }

    private func answers() -> [any Handler] {
        // snippet: answers-static
        let robots = StaticResponse("User-agent: *\nDisallow: /private\n")
        // end
        // snippet: answers-static-customised
        var gone = StaticResponse.Configuration()
        gone.status = .gone
        gone.contentType = "text/html; charset=utf-8"
        gone.headers[.cacheControl] = "max-age=3600"
        let closed = StaticResponse("<!doctype html><title>Gone</title><p>This shop is closed.", gone)
        // end
        return [robots, closed]
    }

    private func pauses(maintenance: Maintenance.Switch) -> [any Middleware] {
        // snippet: answers-maintenance
        let pause = Maintenance(maintenance)
        maintenance.isOn = true  // from any thread, for instance from an administrator's handler
        // end
        // snippet: answers-maintenance-customised
        var night = Maintenance.Configuration()
        night.exempt = ["192.0.2.0/24", "2001:db8:17::/48"]
        night.retryAfter = .seconds(1800)
        night.page = "<!doctype html><title>Back soon</title><p>We are back at six."
        let announced = Maintenance(maintenance, night)
        // end
        return [pause, announced]
    }

    private func errors() -> ErrorPages {
        // snippet: answers-errors
        let plain = ErrorPages("<!doctype html><title>{{status}}</title><h1>{{reason}}</h1><p>Request {{request-id}}")
        // end
        return plain
    }

    private func customisedErrors() -> Pipeline {
        // snippet: answers-errors-customised
        var pages = ErrorPages.Configuration()
        pages[404] = "<!doctype html><title>Not found</title><h1>There is nothing here</h1>"
        pages[.serverErrors] = ErrorPages.Page(file: "/srv/pages/5xx.html")
        pages.replacedOfOrigins = [.serverErrors]
        let site = Pipeline {
            RequestID()
            SecurityHeaders()
            ErrorPages(pages)
            ReverseProxy(to: "http://127.0.0.1:9000")
        }
        // end
        return site
    }

    @Test("the examples are sound compositions")
    func sound() throws {
        let middlewares: [any Middleware] = pauses(maintenance: Maintenance.Switch()) + [errors()]
        let handlers = try redirects(target: "https://www.example.com/new") + answers()
        #expect(middlewares.flatMap { $0.blueprint.validate() } == [])
        #expect(handlers.flatMap { $0.blueprint.validate() } == [])
        // The page of the example is on no machine.
        let problems = customisedErrors().blueprint.validate()
        #expect(problems.count == 1 && problems.first?.problem.contains("/srv/pages/5xx.html") == true)
    }
}

import HTTPTypes
import Middleware
import MiddlewareTesting
import Testing

/// The code of `Documentation/Files.md`, checked as a composition besides.
@Suite("The examples of files")
struct FilesExamples {
    private func site() -> any Handler {
        // snippet: files-default
        let site = Files(root: "/srv/www")
        // end
        return site
    }

    private func application() -> any Handler {
        // snippet: files-customised
        var configuration = Files.Configuration()
        configuration.prefix = "/app"
        configuration.fallback = "index.html"  // the application routes by itself
        configuration.precompressed = [.brotli, .gzip]
        configuration.cacheControl = "no-cache"
        for text in ["js", "css", "woff2"] {  // names hold the hash of the content
            configuration.cacheControlByExtension[text] = "max-age=31536000, immutable"
        }
        let application = Files(root: "/srv/app", configuration)
        // end
        return application
    }

    private func gateway() -> any Handler {
        // snippet: files-routed
        var downloads = Files.Configuration()
        downloads.prefix = "/downloads"
        downloads.listing = .html(atMost: 1000)
        let gateway = Router {
            Route("/downloads/**") { Files(root: "/srv/downloads", downloads) }
            Route("/**") { ReverseProxy(to: "http://127.0.0.1:9000") }
        }
        // end
        return gateway
    }

    @Test("the examples are sound, apart from folders that are not on this machine")
    func sound() {
        for handler in [site(), application(), gateway()] {
            let problems = handler.blueprint.validate().map(\.problem).filter { !$0.hasPrefix("has the root /srv/") }
            #expect(problems == [])
        }
    }
}

import Foundation
import HTTPTypes
import Middleware
import MiddlewareTesting
import NIOCore
import Synchronization
import Testing

/// A real browser against real servers: two ports of one host are two origins of one site, and `localhost` beside
/// `127.0.0.1` is another site.
@Suite(
    "Interop with Chromium",
    .enabled(if: Program.isInstalled("chromium-headless-shell"), "chromium-headless-shell is not installed"),
    .timeLimit(.minutes(5)),
    .serialized
)
struct BrowserTests {
    // MARK: CORS

    private static let attempts: [(name: String, path: String, options: String)] = [
        ("get", "/get", "{}"),
        (
            "put", "/put",
            "{method: 'PUT', headers: {'X-Tenant': '7', 'Content-Type': 'application/json'}, body: '{\"a\":1}'}"
        ),
        ("cookie", "/cookie", "{credentials: 'include'}"),
        ("delete", "/delete", "{method: 'DELETE'}"),
        ("field", "/field", "{headers: {'X-Other': '1'}}"),
    ]

    private func cors(_ page: Int, _ edit: (inout CORS.Configuration) -> Void = { _ in }) -> CORS {
        var configuration = CORS.Configuration()
        configuration.methods = .only([.get, .put])
        configuration.requestFields = .only([.contentType, .init("X-Tenant")!])
        configuration.exposedFields = .only([.xRequestID])
        configuration.maxAge = nil
        edit(&configuration)
        return CORS(allowing: [OriginPattern("http://127.0.0.1:\(page)")], configuration)
    }

    /// What the attempts of a page came to, by name, and what reached the server of another origin.
    private func attempt(
        from host: String = "127.0.0.1", _ edit: (inout CORS.Configuration) -> Void = { _ in }
    ) async throws -> (results: [String: String], seen: Seen) {
        let seen = Seen()
        let calls = Self.attempts.map { "await attempt('\($0.name)', '\($0.path)', \($0.options));" }.joined()
        let page = html("<script>\(Self.script)(async () => { \(calls) out.textContent += 'done' })()</script>")
        let text = try await withServer(page) { pages in
            let api = Pipeline {
                Recorder(before: seen)
                cors(pages.port, edit)
                Recorder(inside: seen)
                echo
            }
            return try await withServer(api) { api in
                try await open("http://\(host):\(pages.port)/?api=http://127.0.0.1:\(api.port)")
            }
        }
        #expect(text.hasSuffix("done"), "\(text)")
        let lines = text.split(separator: "\n").map { $0.split(separator: ": ", maxSplits: 1) }
        let pairs = lines.filter { $0.count == 2 }.map { (String($0[0]), String($0[1])) }
        return (Dictionary(pairs) { first, _ in first }, seen)
    }

    @Test("a page of an allowed origin does what is allowed, with a cookie, and reads what is exposed")
    func allowed() async throws {
        let (results, seen) = try await attempt { $0.allowsCredentials = true }
        #expect(results["get"] == "200 id=r1 hidden=null GET /get - - ")
        #expect(results["put"] == "200 id=r1 hidden=null PUT /put 7 - {\"a\":1}")
        #expect(results["cookie"] == "200 id=r1 hidden=null GET /cookie - session=1 ")
        #expect(results["delete"] == "blocked")
        #expect(results["field"] == "blocked")
        #expect(seen.inside == ["GET /get", "PUT /put", "GET /cookie"])
        let preflights = seen.before.filter { $0.hasPrefix("OPTIONS") }
        #expect(preflights == ["OPTIONS /put", "OPTIONS /delete", "OPTIONS /field"])
        // Loopback is asked from loopback: no browser asks for leave to come into another network.
        #expect(seen.privateNetwork == 0)
    }

    @Test("methods and fields of any name are allowed where that is configured")
    func anything() async throws {
        let (results, seen) = try await attempt {
            $0.methods = .any
            $0.requestFields = .any
        }
        #expect(results["delete"]?.hasPrefix("200 ") == true)
        #expect(results["field"]?.hasPrefix("200 ") == true)
        #expect(results["put"]?.hasPrefix("200 ") == true)
        // Without leave for credentials the request goes out and its answer is kept from the page.
        #expect(results["cookie"] == "blocked")
        #expect(seen.inside.contains("GET /cookie"))
    }

    @Test("a page of another origin reads nothing, and what needs leave is not even sent")
    func disallowed() async throws {
        let (results, seen) = try await attempt(from: "localhost") { $0.allowsCredentials = true }
        #expect(Set(results.values) == ["blocked"])
        #expect(results.count == Self.attempts.count)
        #expect(seen.inside == ["GET /get", "GET /cookie"])
    }

    @Test("a star is for all, and not for credentials")
    func star() async throws {
        let page = html(
            """
            <script>\(Self.script)(async () => {
                await attempt('get', '/get', {});
                await attempt('cookie', '/cookie', {credentials: 'include'});
                out.textContent += 'done';
            })()</script>
            """)
        let api = Pipeline {
            CORS(allowing: ["*"])
            echo
        }
        let text = try await withServer(page) { pages in
            try await withServer(api) { api in
                try await open("http://localhost:\(pages.port)/?api=http://127.0.0.1:\(api.port)")
            }
        }
        #expect(text == "get: 200 id=null hidden=null GET /get - - \ncookie: blocked\ndone")
    }

    // MARK: CSRF

    @Test(
        "a form of another site, or of another origin of the same, is refused, and one's own passes",
        arguments: [("localhost", false), ("127.0.0.1", false), (nil, true)])
    func forms(host: String?, passes: Bool) async throws {
        let form = html(
            """
            <form method="post"><input name="amount" value="100"></form><script>
            document.forms[0].action = new URLSearchParams(location.search).get("api") + "/transfer";
            document.forms[0].submit();
            </script>
            """)
        let seen = Seen()
        let bank = Pipeline {
            CSRF()
            Recorder(inside: seen)
            HandlerFunction { request, context in
                if request.method == .get { return try await form.handle(request, context: context) }
                return try await html("<p>transferred").handle(request, context: context)
            }
        }
        let document = try await withServer(form) { pages in
            try await withServer(bank) { bank in
                let port = host == nil ? bank.port : pages.port
                let url = "http://\(host ?? "127.0.0.1"):\(port)/?api=http://127.0.0.1:\(bank.port)"
                return try await self.document(url)
            }
        }
        #expect(document.contains("<p>transferred") == passes, "\(document)")
        #expect(document.contains("from a page of another site") == !passes, "\(document)")
        #expect(seen.inside.contains("POST /transfer") == passes)
    }

    // MARK: Content security policy

    @Test("a script with the nonce runs, and one without does not")
    func nonce() async throws {
        var configuration = SecurityHeaders.Configuration.safe
        configuration.contentSecurityPolicy = "script-src 'nonce'; object-src 'none'; base-uri 'none'"
        let site = Pipeline {
            SecurityHeaders(configuration)
            HandlerFunction { request, context in
                let nonce = context[ContentSecurityPolicyNonceKey.self] ?? ""
                let write = "document.getElementById('out').textContent +="
                let page = html(
                    """
                    <script nonce="\(nonce)">\(write) 'with '</script>
                    <script>\(write) 'without '</script>
                    <script nonce="AAAAAAAAAAAAAAAAAAAAAA">\(write) 'guessed '</script>
                    <img src="x" onerror="\(write) 'handler '">
                    <script nonce="\(nonce)">addEventListener('load', () => { \(write) 'done' })</script>
                    """)
                return try await page.handle(request, context: context)
            }
        }
        let text = try await withServer(site) { try await open("http://127.0.0.1:\($0.port)/") }
        #expect(text == "with done")
    }

    // MARK: Error pages

    @Test("who goes to a page that is not there sees one, and a script gets the problem report")
    func errorPages() async throws {
        let page = html(
            """
            <script>(async () => {
                const answer = await fetch('/none');
                const report = await answer.json();
                document.getElementById('out').textContent = answer.status + ' ' + report.title;
            })()</script>
            """)
        let site = Pipeline {
            ErrorPages("<!doctype html><h1>{{status}} {{reason}}</h1>")
            HandlerFunction { request, context in
                guard request.path == "/" else { throw HTTPError(.notFound) }
                return try await page.handle(request, context: context)
            }
        }
        let (report, shown) = try await withServer(site) { server in
            let url = "http://127.0.0.1:\(server.port)"
            return (try await open(url + "/"), try await document(url + "/x"))
        }
        #expect(report == "404 Not Found")
        #expect(shown.contains("<h1>404 Not Found</h1>"))
    }
}

extension BrowserTests {
    /// What the pages' scripts share: where results go, the address of the other server, a cookie, and an attempt.
    private static let script = """
        const out = document.getElementById('out');
        const api = new URLSearchParams(location.search).get('api');
        document.cookie = 'session=1';
        async function attempt(name, path, options) {
            try {
                const answer = await fetch(api + path, options);
                const [id, hidden] = [answer.headers.get('X-Request-ID'), answer.headers.get('X-Hidden')];
                out.textContent += `${name}: ${answer.status} id=${id} hidden=${hidden} ${await answer.text()}\\n`;
            } catch {
                out.textContent += `${name}: blocked\\n`;
            }
        }
        """

    /// A page with a place for results.
    private func html(_ content: String) -> StaticResponse {
        var configuration = StaticResponse.Configuration()
        configuration.contentType = "text/html; charset=utf-8"
        return StaticResponse("<!doctype html><title>-</title><pre id=\"out\"></pre>\(content)", configuration)
    }

    /// Says what it was asked, with a field that may be read and one that may not.
    private var echo: HandlerFunction {
        HandlerFunction { request, _ in
            let head = "\(request.method) \(request.path)"
            let fields = [HTTPField.Name("X-Tenant")!, .cookie].map { request.headers[$0] ?? "-" }
            let content = String(buffer: try await request.body.collect(upTo: 1 << 16))
            var response = Response(.ok, body: .text("\(head) \(fields[0]) \(fields[1]) \(content)"))
            response.headers = [.contentType: "text/plain", .xRequestID: "r1", .init("X-Hidden")!: "h"]
            return response
        }
    }

    /// The document as it is once nothing goes on in it any more.
    private func document(_ url: String) async throws -> String {
        let browser = try #require(Program.named("chromium-headless-shell"))
        return try await withTemporaryFolder { folder in
            // The budget is of the page's own time, which stands still while it waits for an answer.
            let result = try await browser.run([
                "--headless", "--no-sandbox", "--disable-gpu", "--no-proxy-server", "--disable-dev-shm-usage",
                "--user-data-dir=\(folder.path())", "--virtual-time-budget=30000", "--dump-dom", url,
            ])
            try #require(result.status == 0, "\(result.errors)")
            return result.output
        }
    }

    /// What the scripts of a page have written.
    private func open(_ url: String) async throws -> String {
        let document = try await document(url)
        let start = try #require(document.range(of: "<pre id=\"out\">"))
        let end = try #require(document.range(of: "</pre>"))
        return String(document[start.upperBound..<end.lowerBound])
    }
}

/// The requests that came as far as somewhere.
private final class Seen: Sendable {
    private let lines = Mutex<(before: [String], inside: [String], privateNetwork: Int)>(([], [], 0))

    var before: [String] { lines.withLock { $0.before } }
    var inside: [String] { lines.withLock { $0.inside } }
    var privateNetwork: Int { lines.withLock { $0.privateNetwork } }

    func add(_ request: Request, isInside: Bool) {
        let line = "\(request.method) \(request.path)"
        let asks = request.headers.contains(.accessControlRequestPrivateNetwork)
        lines.withLock { lines in
            if isInside { lines.inside.append(line) } else { lines.before.append(line) }
            if asks { lines.privateNetwork += 1 }
        }
    }
}

private struct Recorder: HeadMiddleware {
    let seen: Seen
    let isInside: Bool

    init(before seen: Seen) { (self.seen, isInside) = (seen, false) }
    init(inside seen: Seen) { (self.seen, isInside) = (seen, true) }

    func before(_ request: inout Request, context: RequestContext) -> Response? {
        seen.add(request, isInside: isInside)
        return nil
    }
}

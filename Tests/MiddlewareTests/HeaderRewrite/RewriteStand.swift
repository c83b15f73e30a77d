import HTTPTypes
import Middleware
import MiddlewareTesting
import Testing

/// A rewrite in front of a handler that says what it was asked, and answers with the fields that it is given.
struct RewriteStand {
    private let client: TestClient

    init(answering headers: Headers = [:], status: HTTPResponse.Status = .ok, _ rewrite: HeaderRewrite) {
        client = TestClient(
            Pipeline {
                rewrite
                HandlerFunction { request, _ in
                    let lines = ["\(request.method.rawValue) \(request.authority) \(request.target)"]
                    let fields = request.headers.map { "\($0.name.rawName): \($0.value)" }
                    return Response(status, headers: headers, body: .text((lines + fields).joined(separator: "\n")))
                }
            })
    }

    /// What the handler was asked: a line of method, authority and target, and the fields.
    func asked(
        _ method: HTTPRequest.Method = .get, _ target: String = "/", _ headers: Headers = [:],
        authority: String = "shop.example"
    ) async throws -> [String] {
        let result = try await answer(method, target, headers, authority: authority)
        return result.body.split(separator: "\n").map(String.init)
    }

    /// The target that the handler was asked for.
    func target(_ target: String) async throws -> String {
        let line = try await asked(.get, target).first ?? ""
        return line.split(separator: " ").last.map(String.init) ?? ""
    }

    /// The answer that left.
    func answer(
        _ method: HTTPRequest.Method = .get, _ target: String = "/", _ headers: Headers = [:],
        authority: String = "shop.example"
    ) async throws -> TestResponse {
        var request = Request(method, target)
        request.authority = authority
        request.headers = headers
        return try await client.send(request)
    }
}

/// A rule that is a problem of the composition.
struct BadRule<Rules>: Sendable, CustomTestStringConvertible {
    /// Part of what is reported.
    var problem: String
    var write: @Sendable (inout Rules) -> Void

    init(_ problem: String, _ write: @escaping @Sendable (inout Rules) -> Void) {
        self.problem = problem
        self.write = write
    }

    var testDescription: String { problem }
}

public import HTTPTypes
public import Middleware
import NIOCore

/// Checks that a `Middleware` of one's own treats requests, answers and their bodies as a stranger in the middle
/// should.
///
/// ```swift
/// let violations = await MiddlewareConformance(Tenant(), headers: [.init("x-tenant")!: "7"]).check()
/// #expect(violations.isEmpty, "\(violations)")
/// ```
///
/// The middleware is put into a pipeline around a handler of the suite. A middleware that answers by itself passes:
/// give it a request that it lets through. What it is there for, such as changing bodies, is said with `except`. Works
/// with any test framework.
public struct MiddlewareConformance: Sendable {
    /// The rules, as sentences of what holds.
    public enum Rule: String, Sendable, CaseIterable {
        case isComposed = "the composition has no problems"
        case passesBodies = "bodies pass unchanged in both directions"
        case streamsRequests = "a request is passed on before its body has come"
        case streamsResponses = "the parts of a live answer are passed on as they come"
        case passesBodyFailures = "a body that fails is seen to fail, and never to end"
        case releasesTheResponse = "an answer that is dropped releases the body that it was made of"
        case releasesTheRequestBody = "the body of a request is free once the request is over"
        case passesCancellation = "CancellationError passes"
        case keepsNoContext = "nobody holds the context of an exchange that is over"
    }

    private let middleware: any Middleware
    private let client: TestClient
    private let path: String
    private let headers: Headers
    private let method: HTTPRequest.Method
    private let responseHeaders: Headers
    private let exceptions: Set<Rule>
    private let patience: Patience

    /// Checks of a middleware.
    ///
    /// - Parameters:
    ///   - middleware: what is checked.
    ///   - path: path and query of the requests; `/` unless given.
    ///   - headers: their fields.
    ///   - method: their method; POST unless given.
    ///   - responseHeaders: the fields of the answers that it gets.
    ///   - except: rules that do not apply.
    ///   - patience: how long something that hangs is waited for, in real time; 10 seconds unless given.
    public init(
        _ middleware: any Middleware,
        path: String = "/",
        headers: Headers = [:],
        method: HTTPRequest.Method = .post,
        responseHeaders: Headers = [:],
        except exceptions: Set<Rule> = [],
        patience: Duration = .seconds(10)
    ) {
        self.middleware = middleware
        self.path = path
        self.headers = headers
        self.method = method
        self.responseHeaders = responseHeaders
        self.exceptions = exceptions
        self.patience = Patience(patience)
        client = TestClient(HandlerFunction { _, _ in Response(.ok) })
    }

    /// Checks every rule, one after the other; empty when all hold.
    @concurrent public func check() async -> [ConformanceViolation] {
        var found: [ConformanceViolation] = []
        for rule in Rule.allCases where !exceptions.contains(rule) {
            let explanation = await patience.check(on: client.worker, hung: "it came to no end") {
                await self.explanation(rule)
            }
            if let explanation { found.append(ConformanceViolation(rule: rule.rawValue, explanation: explanation)) }
        }
        return found
    }

    /// What breaks a rule; `nil` when it holds.
    private func explanation(_ rule: Rule) async -> String? {
        switch rule {
        case .isComposed: isComposed()
        case .passesBodies: await passesBodies()
        case .streamsRequests: await streamsRequests()
        case .streamsResponses: await streamsResponses()
        case .passesBodyFailures: await passesBodyFailures()
        case .releasesTheResponse: await releasesTheResponse()
        case .releasesTheRequestBody: await releasesTheRequestBody()
        case .passesCancellation: await passesCancellation()
        case .keepsNoContext: await keepsNoContext()
        }
    }

    private func isComposed() -> String? {
        let problems = middleware.blueprint.problems
        return problems.isEmpty ? nil : problems.map(\.description).joined(separator: "; ")
    }

    private func passesBodies() async -> String? {
        let seen = Watched<String?>(nil)
        let responseHeaders = responseHeaders
        let inner = HandlerFunction { request, _ in
            let content = String(buffer: try await request.body.collect(upTo: 1 << 20))
            seen.change { $0 = content }
            var response = Response(.ok, body: .stream(ScriptedSource([.bytes("an "), .bytes("answer")])))
            response.headers = responseHeaders
            return response
        }
        do {
            let response = try await handle([.bytes("a "), .bytes("request")], inner)
            guard let sent = seen.value else { return nil }
            guard sent == "a request" else { return "the request's body arrived as \(sent.debugDescription)" }
            let answer = String(buffer: try await response.body.collect(upTo: 1 << 20))
            return answer == "an answer" ? nil : "the answer's body arrived as \(answer.debugDescription)"
        } catch {
            return "it threw \(error)"
        }
    }

    private func streamsRequests() async -> String? {
        let isCalled = Watched<Bool?>(nil)
        let inner = HandlerFunction { _, _ in
            isCalled.change { $0 = true }
            return Response(.ok)
        }
        let source = ScriptedSource([.hang])
        let request = RequestCarrier(makeRequest(source))
        let task = Task(executorPreference: client.worker.executor) {
            let response = try? await Pipeline([middleware], endingIn: inner).handle(
                request.take(), context: makeContext())
            response?.body.discard()
            isCalled.change { if $0 == nil { $0 = true } }
        }
        let isPassedOn = await Patience.settles(on: client.worker) { isCalled.value != nil }
        source.cancel(CancellationError())
        await task.value
        return isPassedOn ? nil : "it waits for the body"
    }

    private func streamsResponses() async -> String? {
        let source = ScriptedSource([.bytes("a part\n"), .hang])
        defer { source.cancel(CancellationError()) }
        do {
            var body = Body.stream(source)
            body.isLive = true
            let response = try await handle([], answering(body))
            guard source.record.bytesRead > 0 || !source.record.isReleased else { return nil }
            let reading = SourceReading(source: try response.body.open(), worker: client.worker, patience: patience)
            let pending = reading.start()
            guard await Patience.settles(on: client.worker, { pending.isOver }) else {
                reading.source.cancel(CancellationError())
                return "the first part does not come before the second"
            }
            return nil
        } catch {
            return "it threw \(error)"
        }
    }

    private func passesBodyFailures() async -> String? {
        let source = ScriptedSource([.bytes("a part"), .fail(Planned())])
        do {
            let response = try await handle([], answering(.stream(source)))
            guard response.status == .ok, !response.body.isReplayable else { return nil }
            _ = try await response.body.collect(upTo: 1 << 20)
            return source.record.bytesRead > 0 ? "the body of the answer ended" : nil
        } catch {
            return nil
        }
    }

    private func releasesTheResponse() async -> String? {
        let record: ScriptedSource.Record
        do {
            let source = ScriptedSource([.bytes("a part"), .hang])
            record = source.record
            var body = Body.stream(source)
            body.isLive = true
            _ = try? await handle([], answering(body))
        }
        return await Patience.settles(on: client.worker, { record.isReleased }) ? nil : "somebody holds it"
    }

    private func releasesTheRequestBody() async -> String? {
        let record: ScriptedSource.Record
        do {
            let source = ScriptedSource([.bytes("some content")])
            record = source.record
            let context = makeContext()
            let inner = HandlerFunction { _, _ in Response(.ok) }
            let response = try? await Pipeline([middleware], endingIn: inner)
                .handle(makeRequest(source), context: context)
            response?.body.discard()
            context.finish(Outcome())
        }
        return await Patience.settles(on: client.worker, { record.isReleased }) ? nil : "somebody holds it"
    }

    private func passesCancellation() async -> String? {
        let isCalled = Watched(false)
        let inner = HandlerFunction { _, _ in
            isCalled.change { $0 = true }
            throw CancellationError()
        }
        do {
            let response = try await handle([], inner)
            return isCalled.value ? "it answered \(response.status.code)" : nil
        } catch is CancellationError {
            return nil
        } catch {
            return "it threw \(error)"
        }
    }

    private func keepsNoContext() async -> String? {
        weak var held: RequestContext?
        do {
            let context = makeContext()
            held = context
            let inner = HandlerFunction { _, _ in Response(.ok, body: .stream(ScriptedSource([.bytes("answer")]))) }
            let response = try? await Pipeline([middleware], endingIn: inner)
                .handle(makeRequest(nil), context: context)
            if let response { _ = try? await response.body.collect(upTo: 1 << 20) }
            context.finish(Outcome())
        }
        return await Patience.settles(on: client.worker, { held == nil })
            ? nil : "somebody holds it (a closure that was stored?)"
    }
}

extension MiddlewareConformance {
    /// Carries a request into a task of its loop, once. Unchecked because both tasks run there.
    private final class RequestCarrier: @unchecked Sendable {
        private var request: Request?
        init(_ request: Request) { self.request = request }

        func take() -> Request {
            defer { request = nil }
            return request ?? Request()
        }
    }

    private func answering(_ body: Body) -> AnsweringOnce {
        AnsweringOnce(body, headers: responseHeaders)
    }

    private func handle(_ steps: [ScriptedSource.Step], _ inner: some Handler) async throws -> Response {
        let source = steps.isEmpty ? nil : ScriptedSource(steps)
        return try await Pipeline([middleware], endingIn: inner).handle(makeRequest(source), context: makeContext())
    }

    private func makeContext() -> RequestContext {
        RequestContext(runtime: client.runtime, worker: client.worker, peer: client.peer, watchesTask: true)
    }

    private func makeRequest(_ source: ScriptedSource?) -> Request {
        var request = Request(method, path)
        request.authority = "localhost"
        request.headers = headers
        if let source { request.body = .stream(source) }
        return request
    }
}

/// Answers with one body, which it lets go of. Unchecked because it is used on one loop.
private final class AnsweringOnce: Handler, @unchecked Sendable {
    private var body: Body?
    private let headers: Headers

    init(_ body: Body, headers: Headers) {
        self.body = body
        self.headers = headers
    }

    func handle(_ request: consuming Request, context: RequestContext) async throws -> Response {
        var response = Response(.ok, body: body ?? .empty)
        body = nil
        response.headers = headers
        return response
    }
}

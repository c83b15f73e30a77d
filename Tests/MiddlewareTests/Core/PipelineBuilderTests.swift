import HTTPTypes
import Middleware
import Testing

@Suite("PipelineBuilder")
struct PipelineBuilderTests {
    private func trail(_ pipeline: Pipeline) async throws -> String {
        let context = RequestContext(runtime: Runtime())
        _ = try await pipeline.handle(Request(.get, "/"), context: context)
        return context[Trail.self].filter { !$0.hasPrefix("<") }.map { $0.replacing("> ", with: "") }
            .joined(separator: " ")
    }

    @Test("middlewares come in the order in which they are written, one handler last")
    func sequence() async throws {
        #expect(
            try await trail(
                Pipeline {
                    Head("a")
                    Awaiting("b")
                    End()
                }) == "a b handler")
        #expect(try await trail(Pipeline { End() }) == "handler")
    }

    @Test("if around middlewares", arguments: [true, false])
    func conditional(isOn: Bool) async throws {
        let pipeline = Pipeline {
            if isOn {
                Head("a")
                Awaiting("b")
            }
            Head("c")
            if !isOn { Head("d") }
            End()
        }
        #expect(try await trail(pipeline) == (isOn ? "a b c handler" : "c d handler"))
    }

    @Test("if let around a middleware", arguments: ["x", nil] as [String?])
    func optional(name: String?) async throws {
        let pipeline = Pipeline {
            if let name { Head(name) }
            End()
        }
        #expect(try await trail(pipeline) == (name.map { $0 + " " } ?? "") + "handler")
    }

    @Test("if, else if and else around middlewares, and switch", arguments: 0..<4)
    func alternatives(number: Int) async throws {
        let pipeline = Pipeline {
            if number == 0 { Head("zero") } else if number == 1 { Awaiting("one") } else { Head("more") }
            switch number {
            case 0: Head("0")
            case 1: Head("1")
            case 2: Head("2")
            default: Awaiting("3")
            }
            End()
        }
        let words = ["zero", "one", "more", "more"]
        #expect(try await trail(pipeline) == "\(words[number]) \(number) handler")
    }

    @Test("for around middlewares, and arrays of them")
    func loops() async throws {
        let array: [any Middleware] = [Head("x"), Awaiting("y")]
        let pipeline = Pipeline {
            for name in ["a", "b"] {
                Head(name)
                if name == "b" { Awaiting("only b") }
            }
            array
            for _ in 0..<0 { Head("never") }
            End()
        }
        #expect(try await trail(pipeline) == "a b only b x y handler")
    }

    @Test("if and else around handlers, with or without middlewares of their own", arguments: [true, false])
    func handlers(isOn: Bool) async throws {
        let pipeline = Pipeline {
            Head("a")
            if isOn {
                Head("b")
                End(name: "first")
            } else {
                End(name: "second")
            }
        }
        #expect(try await trail(pipeline) == (isOn ? "a b first" : "a second"))
        let only = Pipeline {
            if isOn { End(name: "first") } else { End(name: "second") }
        }
        #expect(try await trail(only) == (isOn ? "first" : "second"))
    }

    @Test("a pipeline, an erased handler and an erased middleware are stages too")
    func erased() async throws {
        let inner = Pipeline {
            Head("in")
            End()
        }
        let handler: any Handler = inner
        let middleware: any Middleware = Head("m")
        #expect(
            try await trail(
                Pipeline {
                    middleware
                    inner
                }) == "m in handler")
        #expect(
            try await trail(
                Pipeline {
                    Head("a")
                    handler
                }) == "a in handler")
    }
}

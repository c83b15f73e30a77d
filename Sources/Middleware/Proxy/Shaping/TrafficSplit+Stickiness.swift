extension TrafficSplit {
    /// Which requests take the same branch.
    ///
    /// A client is drawn once, by a number that stands for it, and not by a branch that is remembered: so a change of the
    /// weights reaches clients that were there before, and exactly as many of them as it should.
    public struct Stickiness: Sendable {
        private enum Rule: Sendable {
            case none
            case cookie(StickyCookie, [UInt8])
            case key(BalancingKey)
        }

        private let rule: Rule

        /// Each request is drawn by itself.
        public static var none: Stickiness { Stickiness(rule: .none) }

        /// The requests of one browser. The cookie holds a number that was drawn at its first request. It is not signed:
        /// a client that makes one up chooses its branch, and nothing else. It does not go on to the branch.
        public static func cookie(_ cookie: StickyCookie) -> Stickiness {
            Stickiness(rule: .cookie(cookie, Array(cookie.name.utf8)))
        }

        /// The requests that have this part in common, such as the client's address or a field; those that lack it are
        /// drawn by themselves. A cookie here is the application's own, and goes on to the branch.
        public static func by(_ key: BalancingKey) -> Stickiness { Stickiness(rule: .key(key)) }

        func describe(in blueprint: inout Blueprint) {
            switch rule {
            case .none: break
            case .key(let key): key.check(&blueprint)
            case .cookie(let cookie, _): cookie.check(in: &blueprint)
            }
        }

        /// The number that decides, and the cookie that is to keep it. The cookie of the request is taken out of it.
        func draw(_ request: inout Request, _ context: RequestContext) -> (number: UInt64, cookie: StickyCookie?) {
            switch rule {
            case .none:
                return (context.runtime.randomness.next(), nil)
            case .key(let key):
                return (key.hash(request, context) ?? context.runtime.randomness.next(), nil)
            case .cookie(let cookie, let name):
                var isThere = false
                let number = request.headers.firstCookie(named: name) { value in
                    isThere = true
                    return Self.number(value)
                }
                if isThere { request.headers.removeCookies(named: name) }
                return number.map { ($0, nil) } ?? (context.runtime.randomness.next(), cookie)
            }
        }

        /// How a cookie spells a number: 16 hexadecimal digits.
        static func text(of number: UInt64) -> String {
            let digits = String(number, radix: 16)
            return String(repeating: "0", count: 16 - digits.count) + digits
        }

        private static func number(_ text: Span<UInt8>) -> UInt64? {
            guard text.count == 16 else { return nil }
            var number: UInt64 = 0
            for index in text.indices {
                guard let digit = FieldGrammar.hexDigit(text[index]) else { return nil }
                number = number << 4 | UInt64(digit)
            }
            return number
        }
    }
}

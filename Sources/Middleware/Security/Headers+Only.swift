extension Headers {
    /// The entry of a field that is there once; `nil` for none, and for several, which one party alone never sends.
    func only(known: KnownField) -> Entry? {
        guard contains(known: known) else { return nil }
        var found: Entry?
        for entry in entries where entry.known == known {
            guard found == nil else { return nil }
            found = entry
        }
        return found
    }
}

/* SPDX-License-Identifier: MIT */
/* What the components share: the session, the theme, the size of an element. */

import { createContext } from "preact";
import { useContext, useEffect, useLayoutEffect, useReducer, useRef, useState } from "preact/hooks";

export const SessionContext = createContext(null);
export const ThemeContext = createContext(false); // dark?

/* The session; the component is drawn again when it has changed. */
export function useSession() {
    const session = useContext(SessionContext);
    const [, again] = useReducer((count) => count + 1, 0);
    useEffect(() => session.listen(again), [session]);
    return session;
}

export function useDark() {
    return useContext(ThemeContext);
}

/* Calls drawer(now) in each frame while the component is there; it always sees the last closure. */
export function useDrawer(session, drawer) {
    const last = useRef(drawer);
    last.current = drawer;
    useLayoutEffect(() => session.draw((now) => last.current(now)), [session]);
}

/* [ref, {width, height}] of an element, in CSS pixels. */
export function useSize() {
    const ref = useRef(null);
    const [size, setSize] = useState({ width: 0, height: 0 });
    useEffect(() => {
        const observer = new ResizeObserver(([entry]) => {
            const { width, height } = entry.contentRect;
            setSize((old) => old.width === width && old.height === height ? old : { width, height });
        });
        observer.observe(ref.current);
        return () => observer.disconnect();
    }, []);
    return [ref, size];
}

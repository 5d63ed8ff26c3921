; A program of many names for tests of GO.BAT: notes how it was called, makes files, ends with a code.
; C:\LOG.TXT gets a letter (byte 2 of the program) and the command tail; C:\S.DAT holds two bytes for
; each call in turn (which files to make, exit code); C:\I.DAT counts the calls.
        org 100h
        jmp short start
letter  db '?'
start:  mov ax, 3D01h           ; open the log for writing, or make it
        mov dx, log
        int 21h
        jnc opened
        mov ah, 3Ch
        xor cx, cx
        int 21h
opened: mov bx, ax
        mov ax, 4202h           ; to its end
        xor cx, cx
        xor dx, dx
        int 21h
        mov al, [letter]        ; PSP: length of the tail at 80h, tail behind it
        mov cl, [80h]
        xor ch, ch
        mov [80h], al
        mov si, cx
        mov word [si+81h], 0A0Dh
        add cx, 3
        mov dx, 80h
        mov ah, 40h
        int 21h
        mov ah, 3Eh
        int 21h
        mov byte [count], 0     ; how many calls were before
        mov ax, 3D00h
        mov dx, index
        int 21h
        jc fresh
        mov bx, ax
        mov cx, 1
        mov dx, count
        mov ah, 3Fh
        int 21h
        mov ah, 3Eh
        int 21h
fresh:  mov ax, 3D00h           ; what this call shall do
        mov dx, steps
        int 21h
        jc leave
        mov bx, ax
        mov dl, [count]
        xor dh, dh
        shl dx, 1
        xor cx, cx
        mov ax, 4200h
        int 21h
        mov cx, 2
        mov dx, does
        mov ah, 3Fh
        int 21h
        mov ah, 3Eh
        int 21h
        inc byte [count]
        mov ah, 3Ch
        xor cx, cx
        mov dx, index
        int 21h
        mov bx, ax
        mov cx, 1
        mov dx, count
        mov ah, 40h
        int 21h
        mov ah, 3Eh
        int 21h
        mov si, names           ; make the files whose bits are set
next:   shr byte [does], 1
        mov dx, [si]
        jnc skip
        mov ah, 3Ch
        xor cx, cx
        int 21h
        mov bx, ax
        mov ah, 3Eh
        int 21h
skip:   add si, 2
        cmp byte [does], 0
        jne next
leave:  mov al, [code]
        mov ah, 4Ch
        int 21h

names   dw helper, script, receipt, result, hostup
helper  db 'DEPLOY98.EXE', 0
script  db 'NEXT.FTP', 0
receipt db 'GOTIT.TXT', 0
result  db 'RESULT.TXT', 0
hostup  db 'HOSTUP.TXT', 0
log     db 'C:\LOG.TXT', 0
index   db 'C:\I.DAT', 0
steps   db 'C:\S.DAT', 0
does    db 0
code    db 0
count   db 0
